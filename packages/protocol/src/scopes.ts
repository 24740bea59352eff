import { z } from 'zod';

/** Permissions an API key can hold. A key with none set has full access. */
export const scopeSchema = z.enum([
  'sandbox_sessions:create',
  'sandbox_sessions:read',
  'sandbox_sessions:delete',
  'sandbox_sessions:exec',
  'org:billing',
  'api_keys:manage',
]);
export type Scope = z.infer<typeof scopeSchema>;

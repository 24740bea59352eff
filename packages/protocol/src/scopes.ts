import { z } from 'zod';

/**
 * Permissions an API key can hold; a key with none set has full access. The first nine are the documented ones, the
 * others cover the routes that the documents do not.
 */
export const scopeSchema = z.enum([
  'browser_sessions:create',
  'browser_sessions:read',
  'browser_sessions:delete',
  'sandbox_sessions:create',
  'sandbox_sessions:read',
  'sandbox_sessions:delete',
  'sandbox_sessions:exec',
  'org:billing',
  'api_keys:manage',
  'webhooks:manage',
  'organization:manage',
  'organizations:manage',
  'audit:read',
]);
export type Scope = z.infer<typeof scopeSchema>;

/** What a user is in an organization. */
export const roleSchema = z.enum(['owner', 'member', 'viewer']);
export type Role = z.infer<typeof roleSchema>;

const viewerScopes: Scope[] = ['browser_sessions:read', 'sandbox_sessions:read'];

/** Scopes that come with a role; null: all. */
export const roleScopes: Readonly<Record<Role, Scope[] | null>> = {
  owner: null,
  member: [
    ...viewerScopes,
    'browser_sessions:create',
    'browser_sessions:delete',
    'sandbox_sessions:create',
    'sandbox_sessions:delete',
    'sandbox_sessions:exec',
  ],
  viewer: viewerScopes,
};

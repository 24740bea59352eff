import { z } from 'zod';
import { boxContextListSchema, boxContextSchema, contextLanguageSchema } from '../box/contexts.ts';
import { idSchema } from '../ids.ts';

const contextIdSchema = z.string().regex(/^[a-z0-9]{1,64}$/, 'an id of POST /v1/sandboxes/code/contexts');

export const contextCreateSchema = z.strictObject({
  id: idSchema,
  language: contextLanguageSchema.default('python'),
  cwd: z.string().optional().describe('Default /workspace.'),
});
export const contextSchema = boxContextSchema;
export const contextListQuerySchema = z.strictObject({ id: idSchema });
export const contextListReplySchema = boxContextListSchema;
export const contextDeleteQuerySchema = z.strictObject({ id: idSchema, context: contextIdSchema });
export const contextDeleteReplySchema = z.object({ ok: z.literal(true) });
export const contextCommandSchema = z.strictObject({ id: idSchema, context: contextIdSchema });

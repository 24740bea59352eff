import { z } from 'zod';
import { idSchema } from '../ids.ts';

/** Name of a kept browser profile within an organization. */
export const profileKeySchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'letters, digits, ".", "_" and "-", at most 100');

export const browserProfileSchema = z
  .object({
    profileKey: z.string(),
    size: z.number().nullable().describe('Bytes as stored; null until it was saved once.'),
    savedAt: z.number().nullable().describe('Epoch ms.'),
    createdAt: z.number().describe('Epoch ms.'),
    inUseBy: z.string().nullable().describe('Sandbox that uses it now.'),
  })
  .meta({ id: 'BrowserProfile' });
export type BrowserProfile = z.infer<typeof browserProfileSchema>;

export const browserProfileListSchema = z.object({ data: z.array(browserProfileSchema) });
export const deleteProfileReplySchema = z.object({
  ok: z.literal(true),
  deleted: z.boolean().describe('False where there was none.'),
});
export const saveProfileSchema = z.strictObject({ id: idSchema });

import { z } from 'zod';
import { boxTerminalListSchema } from '../box/terminal.ts';
import { idSchema } from '../ids.ts';

const terminalIdSchema = z.string().regex(/^[a-z0-9]{1,64}$/, 'an id of a terminal');

export const terminalOpenQuerySchema = z.strictObject({
  id: idSchema.optional().describe('With an API key.'),
  token: z.string().optional().describe('Instead of an API key: from POST /v1/sandboxes/terminal.'),
  terminalId: terminalIdSchema.optional().describe('Attaches to this session; without, a new one begins.'),
  cols: z.coerce.number().int().min(2).max(1000).optional(),
  rows: z.coerce.number().int().min(1).max(1000).optional(),
});
export const terminalLinkSchema = z.strictObject({ id: idSchema, terminalId: terminalIdSchema.optional() });
export const terminalLinkReplySchema = z.object({
  url: z.string().describe('WebSocket address that needs no API key.'),
  expiresAt: z.number(),
});
export const terminalListQuerySchema = z.strictObject({ id: idSchema });
export const terminalListReplySchema = boxTerminalListSchema;
export const terminalCloseQuerySchema = z.strictObject({ id: idSchema, terminalId: terminalIdSchema });
export const terminalCloseReplySchema = z.object({ ok: z.literal(true) });

import { z } from 'zod';
import { viewportSchema } from '../box/config.ts';
import { idSchema } from '../ids.ts';
import { controlModeSchema, sandboxStatusSchema } from './sandbox.ts';

export const previewSchema = z.object({
  status: z.enum(['starting', 'ready', 'failed']),
  reason: z.string().nullable(),
  controlMode: controlModeSchema,
  controller: z.string().nullable(),
  viewport: viewportSchema,
  url: z.string().nullable(),
  title: z.string().nullable(),
  /** WebSocket URLs hold a token that is good for this sandbox and purpose until `expiresAt`. */
  wsUrl: z.string().describe('RFB (VNC) over WebSocket, as noVNC speaks it.'),
  cdpUrl: z.string(),
  viewerUrl: z.string().describe('Standalone viewer page.'),
  expiresAt: z.number(),
  updatedAt: z.number(),
});

export const previewStartSchema = z.strictObject({ id: idSchema });
export const previewNavigateSchema = z.strictObject({
  id: idSchema,
  url: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
});
export const previewResizeSchema = z.strictObject({ id: idSchema, ...viewportSchema.partial().shape });
export const previewCommandReplySchema = z.object({
  ok: z.literal(true),
  url: z.string().nullable(),
  title: z.string().nullable(),
  viewport: viewportSchema,
});

export const previewViewSchema = z.object({
  sandboxStatus: sandboxStatusSchema,
  status: z.enum(['starting', 'ready', 'failed', 'ended']),
  controlMode: controlModeSchema,
  url: z.string().nullable(),
  title: z.string().nullable(),
  viewport: viewportSchema,
});

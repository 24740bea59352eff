import { z } from 'zod';
import { viewportSchema } from './config.ts';

export const boxBrowserStateSchema = z.object({
  state: z.enum(['off', 'starting', 'ready', 'failed']),
  /** Why it failed. */
  reason: z.string().nullable(),
  viewport: viewportSchema.nullable(),
  /** Address and title of the page in front, while ready. */
  url: z.string().nullable(),
  title: z.string().nullable(),
  /** CDP clients from outside the box. Absent in the reply of an older daemon. */
  clients: z.number().int().nonnegative().optional(),
});
export type BoxBrowserState = z.infer<typeof boxBrowserStateSchema>;

export const boxNavigateSchema = z.object({
  url: z.string(),
  timeoutMs: z.number().int().positive().default(30_000),
});
export const boxNavigateReplySchema = z.object({ url: z.string(), title: z.string() });

import { z } from 'zod';
import { viewportSchema } from './config.ts';

/** Body and reply of `PUT /browser/control`: who may drive the browser. Survives the daemon. */
export const boxControlSchema = z.object({
  /** Grows with every change; an older one changes nothing and is answered with the one in force. */
  epoch: z.number().int().nonnegative(),
  mode: z.enum(['ai', 'human', 'shared']),
  /** Who it is told to that is refused. */
  controller: z.string().nullable(),
});
export type BoxControl = z.infer<typeof boxControlSchema>;

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
  /** Absent in the reply of an older daemon, which knows no control. */
  control: boxControlSchema.optional(),
});
export type BoxBrowserState = z.infer<typeof boxBrowserStateSchema>;

export const boxNavigateSchema = z.object({
  url: z.string(),
  timeoutMs: z.number().int().positive().default(30_000),
});
export const boxNavigateReplySchema = z.object({ url: z.string(), title: z.string() });

/** Body of `POST /browser/files`: files for a file input of the page in front. */
export const boxUploadSchema = z.object({
  /** Absolute paths under the workspace. */
  paths: z.array(z.string()).min(1).max(100),
  /** CSS selector of the input; null: the next file chooser that the page opens. */
  selector: z.string().nullable(),
  /** How long to wait for the chooser or the input. */
  timeoutMs: z.number().int().positive(),
});
export const boxGivenFilesSchema = z.object({ files: z.number().int() });

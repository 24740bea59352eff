import { z } from 'zod';

export const fileEntrySchema = z.object({
  name: z.string(),
  /** Absolute path. */
  path: z.string(),
  type: z.enum(['file', 'directory', 'symlink', 'other']),
  /** Bytes. */
  size: z.number(),
  /** Permission bits as octal text, such as `0644`. */
  mode: z.string(),
  /** Epoch milliseconds. */
  modifiedAt: z.number(),
});
export type FileEntry = z.infer<typeof fileEntrySchema>;

/**
 * Trailer of `GET /files/archive`: `whole`, or why the archive is not. Without it the archive was broken off.
 */
export const ARCHIVE_TRAILER = 'x-banata-archive';

export const boxListReplySchema = z.object({ entries: z.array(fileEntrySchema), truncated: z.boolean() });
export const boxWriteReplySchema = z.object({ path: z.string(), size: z.number() });

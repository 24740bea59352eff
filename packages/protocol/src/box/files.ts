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

export const fileStatSchema = fileEntrySchema.extend({
  /** Where a symbolic link leads, as it is written in it; null for everything else. */
  target: z.string().nullable(),
  uid: z.number(),
  gid: z.number(),
});
export type FileStat = z.infer<typeof fileStatSchema>;

export const boxListReplySchema = z.object({
  entries: z.array(fileEntrySchema),
  truncated: z.boolean(),
  /** Null on the last page; left out by daemons that have no pages. */
  nextCursor: z.string().nullable().default(null),
});
export const boxWriteReplySchema = z.object({ path: z.string(), size: z.number() });
export const boxFileHeadSchema = z.object({
  size: z.number(),
  etag: z.string().regex(/^"[\w-]{1,64}"$/),
  /** Epoch milliseconds. */
  modifiedAt: z.number(),
});
export const boxPathReplySchema = z.object({ path: z.string() });
export const boxMkdirReplySchema = z.object({ path: z.string(), created: z.boolean() });
export const boxGlobReplySchema = z.object({ entries: z.array(fileEntrySchema), truncated: z.boolean() });

export const grepMatchSchema = z.object({
  path: z.string(),
  /** Line, from 1. */
  line: z.number(),
  /** Byte in the line where the first match begins, from 1. */
  column: z.number(),
  /** The line, at most 1000 characters of it. */
  text: z.string(),
  /** Whether the line is longer. */
  truncated: z.boolean(),
});
export type GrepMatch = z.infer<typeof grepMatchSchema>;
export const boxGrepReplySchema = z.object({ matches: z.array(grepMatchSchema), truncated: z.boolean() });

export const boxUploadReplySchema = z.object({
  path: z.string(),
  files: z.number(),
  folders: z.number(),
  links: z.number(),
  /** Contents of the files. */
  bytes: z.number(),
});

export const fileChangeSchema = z.object({
  type: z.enum(['created', 'modified', 'removed']),
  /** Absolute path, with symbolic links of the watched folder's own path resolved. */
  path: z.string(),
  isDirectory: z.boolean(),
});
export type FileChange = z.infer<typeof fileChangeSchema>;

/** Events of a watch, by name. After `overflow` changes were lost: read the folder anew. */
export const fileWatchEvents = {
  ready: z.object({ path: z.string(), folders: z.number() }),
  changes: z.object({ changes: z.array(fileChangeSchema) }),
  overflow: z.object({}),
  end: z.object({ reason: z.string().max(40) }),
};

import { z } from 'zod';
import {
  boxGlobReplySchema,
  boxGrepReplySchema,
  boxMkdirReplySchema,
  boxPathReplySchema,
  boxUploadReplySchema,
  fileStatSchema,
  fileWatchEvents,
} from '../box/files.ts';
import { idSchema } from '../ids.ts';

const minute = 60_000;
/** Longest life of a signed link of a file. */
export const MAX_FILE_LINK_MS = 60 * minute;
/** Most bytes of an archive, decompressed, that is uploaded without a limit of its own. */
export const DEFAULT_ARCHIVE_BYTES = 10 * 1024 ** 3;

export const filePathSchema = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.includes('\0'), 'a path has no NUL character')
  .describe('Absolute, or relative to /workspace.');
const fileModeSchema = z.string().regex(/^0?[0-7]{3,4}$/, 'permission bits as octal digits, such as 0755');
const matchLimitSchema = z.coerce.number().int().min(1).max(10_000).default(1000);
const textSchema = z
  .string()
  .min(1)
  .max(4096)
  .refine((text) => !text.includes('\0'), 'has no NUL character');

export const fsStatQuerySchema = z.strictObject({
  id: idSchema,
  path: filePathSchema,
  follow: z
    .stringbool()
    .default(false)
    .describe('Tells of what a symbolic link leads to, not of the link itself.'),
});
export const fsStatReplySchema = fileStatSchema;

export const fsMkdirSchema = z.strictObject({
  id: idSchema,
  path: filePathSchema,
  mode: fileModeSchema.optional().describe('Default 0755.'),
});
export const fsMkdirReplySchema = boxMkdirReplySchema;

export const fsMoveSchema = z.strictObject({
  id: idSchema,
  path: filePathSchema,
  to: filePathSchema,
  overwrite: z
    .boolean()
    .default(false)
    .describe('Replaces a file, or an empty folder, that is at `to` already.'),
});
export const fsRemoveSchema = z.strictObject({
  id: idSchema,
  path: filePathSchema,
  recursive: z.boolean().default(false).describe('Removes a folder with all that is in it.'),
});
export const fsChmodSchema = z.strictObject({
  id: idSchema,
  path: filePathSchema,
  mode: fileModeSchema,
  recursive: z.boolean().default(false),
});
export const fsPathReplySchema = boxPathReplySchema;

export const fsGlobQuerySchema = z.strictObject({
  id: idSchema,
  pattern: textSchema.describe(
    'Path from `path` on, such as `src/**/*.ts`. `*` and `?` stay within a name, `**` goes through folders; also `[a-z]` and `{a,b}`.',
  ),
  path: filePathSchema.default('/workspace'),
  limit: matchLimitSchema,
});
export const fsGlobReplySchema = boxGlobReplySchema;

export const fsGrepQuerySchema = z.strictObject({
  id: idSchema,
  pattern: textSchema.describe('Regular expression of Rust’s crate regex.'),
  path: filePathSchema.default('/workspace').describe('Folder or file.'),
  fixed: z.stringbool().default(false).describe('The pattern is plain text.'),
  ignoreCase: z.stringbool().default(false),
  include: textSchema
    .optional()
    .describe('Only files whose name matches this glob, such as `*.ts`; also those that .gitignore names.'),
  hidden: z.stringbool().default(false).describe('Also what has a name that begins with a dot.'),
  ignored: z.stringbool().default(false).describe('Also what .gitignore names.'),
  limit: matchLimitSchema,
});
export const fsGrepReplySchema = boxGrepReplySchema;

export const fsWatchQuerySchema = z.strictObject({
  id: idSchema,
  path: filePathSchema.default('/workspace'),
  recursive: z.stringbool().default(false).describe('Folders below it, too.'),
});
export const fsWatchEventSchema = z.union([
  fileWatchEvents.ready,
  fileWatchEvents.changes,
  fileWatchEvents.overflow,
  fileWatchEvents.end,
]);

export const fsFileQuerySchema = z.strictObject({ id: idSchema, path: filePathSchema });
export const fsPutFileQuerySchema = z.strictObject({
  id: idSchema,
  path: filePathSchema,
  mode: fileModeSchema.optional().describe('Default: that of the file which is replaced, or 0644.'),
});

export const fsUploadQuerySchema = z.strictObject({
  id: idSchema,
  path: filePathSchema.default('/workspace').describe('Folder to unpack into; made where it is missing.'),
  maxBytes: z.coerce
    .number()
    .int()
    .min(1)
    .default(DEFAULT_ARCHIVE_BYTES)
    .describe('Most bytes of the archive once it is decompressed.'),
});
export const fsUploadReplySchema = boxUploadReplySchema;

export const fsDownloadQuerySchema = z.strictObject({
  id: idSchema,
  path: filePathSchema.default('/workspace'),
  format: z.enum(['tar', 'tar.gz', 'tar.zst', 'zip']).default('tar'),
  skipUnreadable: z
    .stringbool()
    .default(false)
    .describe('Leaves out what the sandbox’s user may not read; otherwise that breaks the archive off.'),
});

export const fsSignSchema = z.strictObject({
  id: idSchema,
  path: filePathSchema,
  operation: z.enum(['read', 'write']),
  expiresInMs: z
    .number()
    .int()
    .min(1000)
    .max(MAX_FILE_LINK_MS)
    .default(15 * minute),
  maxBytes: z.number().int().min(1).optional().describe('With "write": longest file that is taken.'),
});
export const fsSignReplySchema = z.object({
  url: z.string(),
  method: z.enum(['GET', 'PUT']),
  path: z.string(),
  /** Epoch milliseconds. */
  expiresAt: z.number(),
});

export const fileLinkQuerySchema = z.strictObject({ token: z.string() });

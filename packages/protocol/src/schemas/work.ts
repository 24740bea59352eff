import { z } from 'zod';
import { boxContextResultSchema } from '../box/contexts.ts';
import { boxExecResultSchema, codeLanguageSchema } from '../box/exec.ts';
import { fileEntrySchema } from '../box/files.ts';
import { idSchema } from '../ids.ts';

export const DEFAULT_EXEC_TIMEOUT_MS = 60_000;
export const MAX_EXEC_TIMEOUT_MS = 60 * 60 * 1000;

const timeoutSchema = z.number().int().positive().max(MAX_EXEC_TIMEOUT_MS).default(DEFAULT_EXEC_TIMEOUT_MS);

export const execSchema = z.strictObject({
  id: idSchema,
  command: z.string().min(1).describe('With `args` the program to run; without, a shell line.'),
  args: z.array(z.string()).optional(),
  cwd: z.string().optional().describe('Default /workspace.'),
  env: z.record(z.string(), z.string()).optional(),
  user: z.enum(['user', 'root']).optional().describe('Default "user".'),
  stdin: z.string().optional(),
  stdinEncoding: z
    .enum(['utf8', 'base64'])
    .default('utf8')
    .describe('"base64": `stdin` is base64, for input that is no text.'),
  timeout: timeoutSchema.describe('Milliseconds; the command and all its children end then.'),
});

export const codeSchema = z.strictObject({
  id: idSchema,
  code: z.string().min(1),
  language: codeLanguageSchema
    .optional()
    .describe('Default by runtime: python for "python", else typescript.'),
  context: z
    .string()
    .regex(/^[a-z0-9]{1,64}$/, 'an id of POST /v1/sandboxes/code/contexts')
    .optional()
    .describe('Runs the code in this context, in its language.'),
  timeout: timeoutSchema,
});

export const execResultSchema = boxExecResultSchema;
/** A piece of output as it is streamed. */
export const outputTextSchema = z.object({ text: z.string() });
/** The last four fields are there when the code ran in a context. */
export const codeResultSchema = boxExecResultSchema.extend(
  boxContextResultSchema.pick({ context: true, results: true, error: true, restarted: true }).partial().shape,
);

const pathSchema = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.includes('\0'), 'a path has no NUL character');

export const fsReadQuerySchema = z.strictObject({
  id: idSchema,
  path: pathSchema,
  format: z
    .enum(['json', 'raw'])
    .default('json')
    .describe('"raw" streams the bytes of a file of any size; "json" holds at most 16 MiB.'),
  encoding: z
    .enum(['utf8', 'base64'])
    .optional()
    .describe('Of "json". Default: utf8 where the file is valid UTF-8, else base64.'),
});
export const fsReadReplySchema = z.object({
  path: z.string(),
  content: z.string(),
  encoding: z.enum(['utf8', 'base64']).describe('base64 when the file is not valid UTF-8.'),
  size: z.number(),
});

export const fsWriteSchema = z.strictObject({
  id: idSchema,
  path: pathSchema,
  content: z.string(),
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
});
export const fsWriteReplySchema = z.object({ path: z.string(), size: z.number() });

export const fsListQuerySchema = z.strictObject({
  id: idSchema,
  path: pathSchema.default('/workspace'),
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
  cursor: z.string().min(1).max(1024).optional().describe('`nextCursor` of the page before.'),
});
export const fsListReplySchema = z.object({
  path: z.string(),
  entries: z.array(fileEntrySchema).describe('By name.'),
  truncated: z.boolean().describe('Whether there are more.'),
  nextCursor: z.string().nullable(),
});

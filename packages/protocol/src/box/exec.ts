import { z } from 'zod';

export const boxExecRequestSchema = z.object({
  /** Program when `args` is given, otherwise a shell line for `bash -c`. */
  command: z.string(),
  args: z.array(z.string()).optional(),
  cwd: z.string().default('/workspace'),
  env: z.record(z.string(), z.string()).default({}),
  user: z.enum(['user', 'root']).default('user'),
  stdin: z.string().optional(),
  timeoutMs: z.number().int().positive(),
  /** Bytes of each stream kept in the reply. */
  maxOutputBytes: z
    .number()
    .int()
    .positive()
    .default(1024 * 1024),
});
export type BoxExecRequest = z.infer<typeof boxExecRequestSchema>;

export const boxExecResultSchema = z.object({
  stdout: z.string(),
  stderr: z.string(),
  /** Null when a signal ended the command. */
  exitCode: z.number().int().nullable(),
  /** Name of the signal that ended the command, such as `SIGKILL`. */
  signal: z.string().nullable(),
  durationMs: z.number(),
  /** True when the timeout ended the command and its whole process tree. */
  timedOut: z.boolean(),
  /** True when a stream was longer than the reply holds; the whole of it is in the files below. */
  truncated: z.boolean(),
  /** Path in the box of the whole stdout, when truncated. */
  stdoutFile: z.string().nullable(),
  stderrFile: z.string().nullable(),
});
export type BoxExecResult = z.infer<typeof boxExecResultSchema>;

export const codeLanguageSchema = z.enum(['javascript', 'typescript', 'python', 'bash', 'go']);
export type CodeLanguage = z.infer<typeof codeLanguageSchema>;

export const boxCodeRequestSchema = z.object({
  code: z.string(),
  language: codeLanguageSchema,
  timeoutMs: z.number().int().positive(),
  maxOutputBytes: z
    .number()
    .int()
    .positive()
    .default(1024 * 1024),
});
export type BoxCodeRequest = z.infer<typeof boxCodeRequestSchema>;

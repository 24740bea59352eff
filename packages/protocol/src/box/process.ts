import { z } from 'zod';

/** Body of `POST /processes`: a command that goes on after the reply. */
export const boxProcessStartSchema = z.object({
  /** Program when `args` is given, otherwise a shell line for `bash -c`. */
  command: z.string(),
  args: z.array(z.string()).optional(),
  cwd: z.string().default('/workspace'),
  env: z.record(z.string(), z.string()).default({}),
  user: z.enum(['user', 'root']).default('user'),
  /** Whether standard input can be written to later; without, it is empty. */
  stdin: z.boolean().default(false),
});
export type BoxProcessStart = z.infer<typeof boxProcessStartSchema>;

export const boxProcessSchema = z.object({
  id: z.string(),
  command: z.string(),
  args: z.array(z.string()).nullable(),
  cwd: z.string(),
  user: z.enum(['user', 'root']),
  /** `lost`: it ended in a way that nobody saw, such as a kill of its supervisor. */
  status: z.enum(['running', 'exited', 'lost']),
  /** In the box; null when it could not be started. */
  pid: z.number().int().nullable(),
  /** Null while it runs, and when a signal ended it. */
  exitCode: z.number().int().nullable(),
  /** Name of the signal that ended it, such as `SIGTERM`. */
  signal: z.string().nullable(),
  /** Why the program could not be started. */
  error: z.string().nullable(),
  /** Epoch milliseconds. */
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  /** Bytes of output so far. */
  stdoutBytes: z.number(),
  stderrBytes: z.number(),
  /** True when a stream grew beyond what is kept and the rest was thrown away. */
  truncated: z.boolean(),
  /** Whether standard input takes more. */
  stdinOpen: z.boolean(),
});
export type BoxProcess = z.infer<typeof boxProcessSchema>;

export const boxProcessListSchema = z.object({ processes: z.array(boxProcessSchema) });

/** A piece of a stream from `offset` up to `nextOffset`, both in bytes. */
export const processChunkSchema = z.object({
  offset: z.number().int().nonnegative(),
  nextOffset: z.number().int().nonnegative(),
  /** The bytes as text where they are UTF-8, else as base64. */
  data: z.string(),
  encoding: z.enum(['utf8', 'base64']),
});
export type ProcessChunk = z.infer<typeof processChunkSchema>;

export const boxProcessOutputSchema = z.object({
  stdout: processChunkSchema,
  stderr: processChunkSchema,
  /** True when the process has ended and this reaches the end of both streams. */
  ended: z.boolean(),
});
export type BoxProcessOutput = z.infer<typeof boxProcessOutputSchema>;

export const PROCESS_SIGNALS = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGKILL',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTERM',
  'SIGCONT',
  'SIGSTOP',
  'SIGWINCH',
] as const;
export const boxProcessSignalSchema = z.object({ signal: z.enum(PROCESS_SIGNALS) });

export const boxProcessStdinSchema = z.object({
  data: z.string(),
  encoding: z.enum(['utf8', 'base64']),
  /** Ends standard input after the data. */
  close: z.boolean(),
});
export const boxProcessStdinReplySchema = z.object({ written: z.number().int() });

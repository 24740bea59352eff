import { z } from 'zod';

/** What a box keeps of each output stream where its server names nothing else. */
export const DEFAULT_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Limits of a box, as the server has them from the sandbox's size. */
export const boxLimitsSchema = z.object({
  /** Number of CPUs, fractions allowed. */
  cpus: z.number().positive(),
  /** Memory and swap together, bytes. */
  memoryBytes: z.number().int().positive(),
  /** Processes and threads together. */
  pids: z.number().int().positive(),
  /** Everything that is written in the box together, /workspace included; bytes. */
  diskBytes: z.number().int().positive(),
  /**
   * What is kept of each output stream of a command or background process, bytes. Absent in the configuration of an older
   * server: {@link DEFAULT_OUTPUT_BYTES}.
   */
  outputBytes: z.number().int().positive().optional(),
});
export type BoxLimitsConfig = z.infer<typeof boxLimitsSchema>;

const usage = z.object({
  /** Null: no limit that the box knows of. */
  limit: z.number().nullable(),
  /** Null: it cannot be seen from inside the box. */
  used: z.number().nullable(),
});

/** Reply of `GET /limits`, and what `banata-limits --json` prints. */
export const boxUsageSchema = z.object({
  /** `limit` is a number of CPUs, `usedSeconds` the time on them since the box started. */
  cpus: z.object({ limit: z.number().nullable(), usedSeconds: z.number().nullable() }),
  /** Bytes. Pages of files that the kernel can drop do not count. */
  memoryBytes: usage,
  /** Processes and threads together. */
  pids: usage,
  /** Bytes; `used` is what the files hold that were written in the box, at most some seconds ago. */
  diskBytes: usage,
  /** Files that one process may have open. */
  openFiles: z.object({ limit: z.number().nullable() }),
  /** Bytes kept of each output stream of a command or background process. */
  outputBytes: z.object({ limit: z.number() }),
});
export type BoxUsage = z.infer<typeof boxUsageSchema>;

/** What a box can run out of. */
export const boxLimitNameSchema = z.enum(['memory', 'pids', 'disk']);
export type BoxLimitName = z.infer<typeof boxLimitNameSchema>;

import { z } from 'zod';

/** First line of a connection of sudo: how it was called. */
export const sudoRequestSchema = z.object({
  /** Arguments of sudo, without its own name. */
  argv: z.array(z.string()),
  /** Environment of the caller. */
  env: z.record(z.string(), z.string()),
  umask: z.number().int().min(0).max(0o777),
  /** Whether the caller is in the foreground of a terminal. */
  terminal: z.boolean(),
});
export type SudoRequest = z.infer<typeof sudoRequestSchema>;

/** What sudo says and ends with, without a command having run. */
export class SudoRefusal extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'SudoRefusal';
    this.exitCode = exitCode;
  }
}

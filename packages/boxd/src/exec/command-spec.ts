import type { Account } from '../services.ts';

/** A command to run, resolved: nothing in it is looked up any more. */
export interface CommandSpec {
  program: string;
  args: readonly string[];
  /** Absolute path. */
  cwd: string;
  /** Whole environment of the command. */
  env: Readonly<Record<string, string>>;
  account: Account;
  /** What is on standard input; without it standard input is empty. */
  stdin?: string | Uint8Array | undefined;
  timeoutMs: number;
  /** Bytes of each stream in the result. */
  maxOutputBytes: number;
}

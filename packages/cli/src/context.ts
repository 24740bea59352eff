import type { Config } from '@banata/config';
import type { Output } from './output.ts';

/** What every command gets. */
export interface CliContext {
  /** Folder of the checkout. */
  root: string;
  /** Environment of the process; children get it too. */
  env: Record<string, string | undefined>;
  config: Config;
  output: Output;
  /** Aborts on Ctrl-C and SIGTERM. */
  signal: AbortSignal;
}

/** Options every command takes. */
export interface CommonOptions {
  json?: boolean;
}

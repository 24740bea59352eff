import type { Writable } from 'node:stream';
import { BanataError } from '@banata-boxes/sdk';
import { ConfigError } from '@banata/config';
import { CliError } from './cli-error.ts';

/** Writes what happened and what to do next, one line each; stacks only for debugging. */
export function reportFailure(
  error: unknown,
  options: { stopped: boolean; debug: boolean; to: Writable },
): void {
  const { what, next } = describe(error, options.stopped);
  options.to.write(`banata: ${what}\n${next === '' ? '' : `  → ${next}\n`}`);
  if (options.debug && error instanceof Error) options.to.write(`${stacks(error)}\n`);
}

function describe(error: unknown, stopped: boolean): { what: string; next: string } {
  if (stopped) return { what: 'stopped', next: 'The same command goes on from here.' };
  if (error instanceof CliError) return { what: error.message, next: error.next };
  if (error instanceof BanataError) return { what: error.message, next: error.suggestion };
  if (error instanceof ConfigError)
    return { what: error.message, next: 'Correct the variable, or unset it for the default.' };
  const message = error instanceof Error ? error.message : String(error);
  // Errors of the image and the driver carry their next step in the message.
  const isKnown = error instanceof Error && 'code' in error;
  return { what: message, next: isKnown ? '' : 'Run the command again with DEBUG=1 for the details.' };
}

function stacks(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stacks(error.cause)}` : own;
}

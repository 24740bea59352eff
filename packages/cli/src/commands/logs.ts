import { open } from 'node:fs/promises';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { followLog } from '../server/follow-log.ts';

export interface LogsOptions {
  follow?: boolean;
  lines?: string;
}

/** Most that is read from the end of the log for `--lines`. */
const TAIL_BYTES = 4 * 1024 * 1024;

export async function logs(context: CliContext, options: LogsOptions): Promise<void> {
  const path = context.config.paths.serverLog;
  const count = Number(options.lines ?? '200');
  if (!Number.isInteger(count) || count < 0) {
    throw new CliError(
      `--lines is "${options.lines}"; it must be a whole number`,
      'For example: ./banata logs --lines 50',
    );
  }
  const end = await writeTail(path, count);
  if (!options.follow) return;
  await followLog(path, {
    from: end,
    to: process.stdout,
    isOver: () => Promise.resolve(context.signal.aborted),
  });
}

/** @returns where the file ended. */
async function writeTail(path: string, count: number): Promise<number> {
  await using file = await open(path, 'r').catch((cause: unknown) => {
    throw new CliError(`There is no log at ${path}`, 'Start the server with ./banata up.', { cause });
  });
  const { size } = await file.stat();
  const start = Math.max(0, size - TAIL_BYTES);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - start), position: start });
  const lines = buffer.subarray(0, bytesRead).toString().split('\n');
  const kept = lines.slice(Math.max(0, lines.length - count - 1)).join('\n');
  if (count > 0) process.stdout.write(kept);
  return size;
}

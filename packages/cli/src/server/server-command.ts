import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { runProgram } from '../run-program.ts';

const LIMIT_MS = 120_000;

/** Runs a maintenance command of the server program while the server itself is down. */
export async function runServerCommand(
  context: CliContext,
  command: 'purge' | 'stop-database',
): Promise<void> {
  const { exitCode, tail } = await runProgram(process.execPath, {
    args: [join(context.root, 'packages/server/src/main.ts'), command],
    env: context.env,
    signal: context.signal,
    timeoutMs: LIMIT_MS,
    onLine: () => undefined,
  });
  if (exitCode !== 0) {
    throw new CliError(
      `${command} failed with exit code ${exitCode}:\n${tail.join('\n')}`,
      'Run the same ./banata command again once the cause is gone.',
    );
  }
}

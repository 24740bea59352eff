import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CliError } from '../cli-error.ts';

const BUSY = 75;

/**
 * Takes a lock that ends with this process, also when it is killed: the kernel's (`flock`), held by a child that
 * lives as long as the pipe to it.
 * @throws CliError when another process still holds it after `waitMs`.
 */
export async function takeLock(
  path: string,
  options: { waitMs: number; signal: AbortSignal },
): Promise<AsyncDisposable> {
  options.signal.throwIfAborted();
  await mkdir(dirname(path), { recursive: true });
  const wait = String(Math.ceil(options.waitMs / 1000));
  const child = spawn(
    'flock',
    ['--conflict-exit-code', String(BUSY), '--timeout', wait, path, 'sh', '-c', 'echo; cat'],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
      // Ctrl-C must not free the lock before the work under it has stopped.
      detached: true,
    },
  );
  const stop = (): void => void child.kill('SIGKILL');
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    const exit = once(child, 'exit').then(([code]: unknown[]) => code);
    const first = await Promise.race([once(child.stdout, 'data').then(() => 'held'), exit]);
    options.signal.throwIfAborted();
    if (first === 'held') {
      return {
        [Symbol.asyncDispose]: async () => {
          child.stdin.end();
          await exit;
        },
      };
    }
  } finally {
    options.signal.removeEventListener('abort', stop);
  }
  throw new CliError(
    `Another ./banata has held ${path} for ${wait} s`,
    'Wait for it to end, or stop that process, and try again.',
  );
}

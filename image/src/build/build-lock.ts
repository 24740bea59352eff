import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ImageError } from '../image-error.ts';

interface LockRequest {
  /** Lock file; made when missing, never removed. */
  path: string;
  /** How long to wait for another build, milliseconds. */
  waitMs: number;
  /** Called once when another build holds the lock. */
  onWait: () => void;
  signal: AbortSignal | undefined;
}

/** Exit code that flock is told to use for "held by somebody else". */
const BUSY = 75;

/**
 * Takes the lock of an image cache, so that two installations never build the same image at once. The lock is the
 * kernel's (`flock`) and lives in a child that ends with this process, so it cannot outlast a crash.
 * @throws ImageError `BUILD_LOCKED` when another build still holds it after the wait, `ABORTED` after the signal.
 */
export async function takeBuildLock(request: LockRequest): Promise<AsyncDisposable> {
  const held = (await attempt(request, ['--nonblock'])) ?? (await waitFor(request));
  if (held) return held;
  const minutes = Math.round(request.waitMs / 60_000);
  throw new ImageError(
    'BUILD_LOCKED',
    `Another build of the sandbox image has held ${request.path} for ${minutes} minutes. ` +
      'Wait for it to end, or stop that process, and try again.',
  );
}

function waitFor(request: LockRequest): Promise<AsyncDisposable | undefined> {
  request.onWait();
  return attempt(request, ['--timeout', String(Math.ceil(request.waitMs / 1000))]);
}

async function attempt(request: LockRequest, mode: string[]): Promise<AsyncDisposable | undefined> {
  if (request.signal?.aborted) throw stopped();
  const args = ['--exclusive', '--conflict-exit-code', String(BUSY), ...mode, request.path];
  // The child holds the lock until its standard input closes: on dispose, or when this process dies.
  const child = spawn('flock', [...args, 'sh', '-c', 'echo held; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 128));
  });
  const onAbort = () => child.kill('SIGKILL');
  request.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const first = await Promise.race([once(child.stdout, 'data').then(() => 'held' as const), exit]);
    if (first === 'held') {
      return {
        [Symbol.asyncDispose]: async () => {
          child.stdin.end();
          await exit;
        },
      };
    }
    if (request.signal?.aborted) throw stopped();
    if (first === BUSY) return undefined;
    throw new ImageError(
      'HOST_UNSUITABLE',
      `Cannot lock ${request.path} (flock ended with ${first}). Is it writable?`,
    );
  } finally {
    request.signal?.removeEventListener('abort', onAbort);
  }
}

function stopped(): ImageError {
  return new ImageError('ABORTED', 'The wait for another build of the sandbox image was stopped.');
}

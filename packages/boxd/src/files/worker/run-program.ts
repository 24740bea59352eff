import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { FileError } from './file-error.ts';

const MAX_MESSAGE_BYTES = 2000;

/** What programs for files say on stderr of system errors (strerror(3) in the C locale). */
const TEXTS: readonly [RegExp, number, string][] = [
  [/Permission denied|Operation not permitted/, 403, 'PERMISSION_DENIED'],
  [/No space left on device|Disk quota exceeded/, 507, 'DISK_FULL'],
  [/has a line end in its name/, 400, 'INVALID_PATH'],
  [/Directory not empty/, 409, 'DIRECTORY_NOT_EMPTY'],
  [/Read-only file system/, 403, 'READ_ONLY'],
  [/No such file or directory/, 404, 'FILE_NOT_FOUND'],
];

/** Environment of programs that the worker starts: none of the user's, so that their messages are as expected. */
export const PROGRAM_ENV = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };

/**
 * Runs a program to its end. It is killed at the limit and when the signal aborts.
 * Throws a {@link FileError} with what the program said when it fails.
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
): Promise<void> {
  const child = spawn(file, args, {
    cwd: '/',
    env: PROGRAM_ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
    signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
    killSignal: 'SIGKILL',
  });
  let message = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (message.length < MAX_MESSAGE_BYTES) message += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw programError(message);
}

/** What a failed program's message means for the caller. */
export function programError(message: string): FileError {
  const [first = 'it was ended'] = message.trim().split('\n');
  const known = TEXTS.find(([pattern]) => pattern.test(message));
  return new FileError(known?.[1] ?? 500, known?.[2] ?? 'FILES_FAILED', first.slice(0, 400));
}

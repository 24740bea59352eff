import { spawn, type StdioOptions } from 'node:child_process';
import type { Readable } from 'node:stream';
import { ImageError } from './image-error.ts';

/** How a program of the host is run. Its environment is that of this process, and it is killed when this one dies. */
export interface ToolRun {
  args: readonly string[];
  cwd?: string;
  stdio: StdioOptions;
  signal: AbortSignal | undefined;
  /** The program is killed after this time, milliseconds. */
  timeoutMs: number;
  /** Takes each line that the program writes to descriptor {@link ToolRun.lineDescriptor}. */
  onLine?: (line: string) => void;
  lineDescriptor?: number;
}

/** Exit code of setpriv, and of a shell, for a program that is not there. */
const NOT_FOUND = 127;

/** Longest line taken from a program; the rest of a longer one is dropped. */
const MAX_LINE = 16_384;

function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) onLine(line.slice(0, MAX_LINE));
  });
}

/**
 * Runs a program and resolves with its exit code (128 when a signal ended it that nobody here sent).
 * @throws ImageError `ABORTED` after the signal, `BUILD_FAILED` after the timeout, `HOST_UNSUITABLE` when the
 * program is not installed.
 */
export function runTool(program: string, run: ToolRun): Promise<number> {
  return new Promise((resolve, reject) => {
    if (run.signal?.aborted) return reject(aborted());
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...run.args], {
      stdio: run.stdio,
      ...(run.cwd ? { cwd: run.cwd } : {}),
    });
    let cause: ImageError | undefined;
    const stop = (error: ImageError) => {
      cause ??= error;
      child.kill('SIGKILL');
    };
    const onAbort = () => stop(aborted());
    run.signal?.addEventListener('abort', onAbort, { once: true });
    const seconds = Math.round(run.timeoutMs / 1000);
    const timer = setTimeout(
      () =>
        stop(new ImageError('BUILD_FAILED', `${program} did not end within ${seconds} s and was stopped.`)),
      run.timeoutMs,
    );
    const settle = () => {
      clearTimeout(timer);
      run.signal?.removeEventListener('abort', onAbort);
    };
    const lines = child.stdio[run.lineDescriptor ?? 1];
    if (run.onLine && lines) readLines(lines as Readable, run.onLine);
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      reject(error.code === 'ENOENT' ? missing('setpriv') : error);
    });
    child.on('close', (code) => {
      settle();
      if (cause) reject(cause);
      else if (code === NOT_FOUND) reject(missing(program));
      else resolve(code ?? 128);
    });
  });
}

function aborted(): ImageError {
  return new ImageError(
    'ABORTED',
    'The work on the image was stopped. Start it again to continue with the next stage.',
  );
}

function missing(program: string): ImageError {
  return new ImageError('HOST_UNSUITABLE', `The program ${program} is not installed on this machine.`);
}

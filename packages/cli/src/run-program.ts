import { spawn } from 'node:child_process';
import { CliError } from './cli-error.ts';

export interface ProgramRun {
  args: readonly string[];
  cwd?: string;
  env?: Record<string, string | undefined>;
  signal: AbortSignal;
  /** The program is ended after this time, ms. */
  timeoutMs: number;
  /** Time it has between SIGTERM and SIGKILL, ms. Default 5,000. */
  killAfterMs?: number;
  /** Takes each line of stdout and stderr; without it both go to this process's stderr. */
  onLine?: (line: string) => void;
}

export interface ProgramResult {
  /** 128 and more when a signal ended it. */
  exitCode: number;
  /** Last lines of its output, where `onLine` was given. */
  tail: string[];
}

const TAIL_LINES = 15;
const KILL_AFTER_MS = 5_000;

/**
 * Runs a program to its end.
 * @throws CliError when it cannot be started or takes too long; the signal's reason after an abort.
 */
export async function runProgram(program: string, run: ProgramRun): Promise<ProgramResult> {
  run.signal.throwIfAborted();
  const child = spawn(program, run.args, {
    cwd: run.cwd,
    env: run.env,
    stdio: run.onLine ? ['ignore', 'pipe', 'pipe'] : ['ignore', process.stderr, process.stderr],
  });
  const tail: string[] = [];
  const keep = (line: string): void => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    run.onLine?.(line);
  };
  eachLine(child.stdout, keep);
  eachLine(child.stderr, keep);
  let timedOut = false;
  let killer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill('SIGTERM');
    killer ??= setTimeout(() => child.kill('SIGKILL'), run.killAfterMs ?? KILL_AFTER_MS);
  };
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, run.timeoutMs);
  run.signal.addEventListener('abort', end, { once: true });
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(
          new CliError(
            `Cannot run ${program}: ${cause.message}`,
            'Run ./banata up, which installs what is missing.',
            { cause },
          ),
        ),
      );
      child.once('close', (code, signal) => resolve(code ?? (signal ? 128 : 1)));
    });
    run.signal.throwIfAborted();
    if (timedOut) {
      throw new CliError(
        `${program} ${run.args.join(' ')} did not end within ${Math.round(run.timeoutMs / 1000)} s and was stopped`,
        'Run it again; if it hangs again, look at what it prints.',
      );
    }
    return { exitCode, tail };
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    run.signal.removeEventListener('abort', end);
  }
}

function eachLine(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  if (!stream) return;
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}

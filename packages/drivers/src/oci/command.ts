import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

const CAPTURE_BYTES = 64 * 1024;
/**
 * All that programs get of an environment. Ours holds the server's keys, and what runsc inherits stays readable in the
 * process that hostile code runs in.
 */
export const ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
};

/** A host program that failed, ended late or could not be started. */
export class CommandError extends Error {
  readonly exitCode: number | null;
  readonly stderr: string;
  constructor(message: string, exitCode: number | null, stderr: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

export interface CommandOptions {
  /** Text for the program's standard input. */
  input?: string;
  /** How much of standard output is returned (64 KiB); the rest is dropped. */
  maxOutputBytes?: number;
  /** The program is killed after this many milliseconds (10,000). */
  timeoutMs?: number;
  signal?: AbortSignal;
  /**
   * Descriptor of a file that takes standard output and error. Needed for programs that leave children behind, which
   * would hold a pipe open. The output is then not returned.
   */
  outputFd?: number;
  /** Descriptor that the program gets as number 3. */
  inheritFd?: number;
}

/** {@link runCommand}, or a form of it that adds options of its own. */
export type RunCommand = (file: string, args: string[], options?: CommandOptions) => Promise<string>;

/**
 * A form of {@link runCommand} whose programs hold the installation's lock with us: when this process is killed, the
 * next one waits until the last of them has ended, and so finds a host that changes no more.
 */
export function commandRunner(lock: { fd: number }): RunCommand {
  return async (file, args, options) => await runCommand(file, args, { ...options, inheritFd: lock.fd });
}

function capture(
  child: ChildProcess,
  maxOutputBytes: number,
): { stdout: () => string; stderr: () => string } {
  const text = { stdout: '', stderr: '' };
  const limits = { stdout: maxOutputBytes, stderr: CAPTURE_BYTES };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8');
    child[name]?.on('data', (chunk: string) => {
      const room = limits[name] - text[name].length;
      if (room > 0) text[name] += chunk.slice(0, room);
    });
  }
  return { stdout: () => text.stdout, stderr: () => text.stderr };
}

/**
 * Runs a host program to its end, without a shell.
 * @returns its standard output, up to `maxOutputBytes`.
 * @throws {@link CommandError} when it is missing, fails or is late; the signal's reason when that aborts it.
 */
export function runCommand(file: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const { input, timeoutMs = 10_000, maxOutputBytes = CAPTURE_BYTES, signal } = options;
  const { outputFd, inheritFd } = options;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  if (signal?.aborted) return Promise.reject(signal.reason);
  const output = outputFd ?? 'pipe';
  const inherited = inheritFd === undefined ? [] : [inheritFd];
  const child = spawn(file, args, {
    stdio: [input === undefined ? 'ignore' : 'pipe', output, output, ...inherited],
    env: ENVIRONMENT,
  });
  const { stdout, stderr } = capture(child, maxOutputBytes);
  let late = false;
  const kill = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, timeoutMs);
  signal?.addEventListener('abort', kill, { once: true });
  const finish = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  };
  child.once('error', (cause) => {
    finish();
    reject(new CommandError(`${file} could not be started: ${cause.message}`, null, '', { cause }));
  });
  child.once('close', (code) => {
    finish();
    if (signal?.aborted) return reject(signal.reason);
    if (code === 0) return resolve(stdout());
    const outcome = late ? `did not end within ${timeoutMs} ms` : `failed (${code ?? 'killed'})`;
    const detail = stderr().trim();
    reject(
      new CommandError(`${[file, ...args].join(' ')} ${outcome}${detail ? `: ${detail}` : ''}`, code, detail),
    );
  });
  if (child.stdin) {
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  }
  return promise;
}

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { preferForOom, SERVICE_SCORE } from '../limits/oom-score.ts';
import type { Account } from '../services.ts';

const STDERR_BYTES = 8 * 1024;
const STDERR_LINES = 5;

export interface ChildOptions {
  account: Account;
  env: Record<string, string>;
  /** Lines of stderr that say nothing of how it fares. */
  noise?: RegExp;
  /** Pipes beyond stdin, stdout and stderr: descriptors 3, 4, … */
  extraPipes?: number;
}

/** A process of the desktop: its own process group, run under another account, its last words kept. */
export class Child {
  readonly name: string;
  readonly process: ChildProcess;
  /** Resolves with how it ended, such as `exit code 1` or `SIGKILL`; also when it could not be started. */
  readonly exited: Promise<string>;
  readonly #noise: RegExp | undefined;
  #stderr = '';

  constructor(name: string, [command, ...args]: [string, ...string[]], options: ChildOptions) {
    const { account } = options;
    this.name = name;
    this.#noise = options.noise;
    const extra = Array.from({ length: options.extraPipes ?? 0 }, () => 'pipe' as const);
    this.process = spawn(command, args, {
      uid: account.uid,
      gid: account.gid,
      cwd: '/',
      env: options.env,
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', ...extra],
    });
    preferForOom(this.process.pid, SERVICE_SCORE);
    this.exited = new Promise((resolve) => {
      this.process.once('error', (error) => resolve(`could not start: ${error.message}`));
      this.process.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    this.process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-STDERR_BYTES);
    });
    // A broken pipe means that the process ends, which `exited` tells.
    for (const stream of this.process.stdio) stream?.on('error', () => {});
  }

  get running(): boolean {
    return (
      this.process.pid !== undefined && this.process.exitCode === null && this.process.signalCode === null
    );
  }

  /** The last lines it wrote to stderr. */
  lastLines(): string {
    const lines = this.#stderr.trim().split('\n');
    return lines
      .filter((line) => !this.#noise?.test(line))
      .slice(-STDERR_LINES)
      .join('\n');
  }

  /** Ends the process and its group: TERM, then KILL after the grace. */
  async stop(graceMs: number): Promise<void> {
    if (this.process.pid === undefined) return;
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
    // Children of its own that outlived it.
    this.#signal('SIGKILL');
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.process.pid!, signal);
    } catch {
      // The group is gone.
    }
  }
}

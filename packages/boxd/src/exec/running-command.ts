import type { BoxExecResult } from '@banata/protocol/box';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { OutputFile } from './output-file.ts';

/** setTimeout takes no more, about 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How a command ended. */
export interface Ending {
  exitCode: number | null;
  signal: string | null;
  timedOut: boolean;
  durationMs: number;
}

export interface RunningCommandParts {
  id: string;
  child: ChildProcess;
  stdout: OutputFile;
  stderr: OutputFile;
  timeoutMs: number;
  startedAt: number;
  /** Ends the command with everything it started. Never rejects. */
  killTree(): Promise<void>;
  /** Makes the result and gives the files back. */
  settle(ending: Ending): Promise<BoxExecResult>;
}

/** A command under way. Its owner waits for `result` or kills it. */
export class RunningCommand {
  readonly id: string;
  readonly stdout: OutputFile;
  readonly stderr: OutputFile;
  /** Resolves when the main process has ended and its output is in the files, which stay readable till `result`. */
  readonly ended: Promise<Ending>;
  readonly #parts: RunningCommandParts;
  #timedOut = false;
  #killing: Promise<void> | undefined;

  constructor(parts: RunningCommandParts) {
    this.id = parts.id;
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
    this.#parts = parts;
    this.ended = this.#run();
  }

  /** Waits for the end; must be called exactly once, and after it the files are gone. */
  async result(): Promise<BoxExecResult> {
    return await this.#parts.settle(await this.ended);
  }

  /** Kills the whole tree; resolves when it is gone or given up. */
  async kill(): Promise<void> {
    await (this.#killing ??= this.#parts.killTree());
  }

  async #run(): Promise<Ending> {
    const { child, startedAt, timeoutMs } = this.#parts;
    const killed = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => {
        this.#timedOut = true;
        void this.kill().then(killed.resolve);
      },
      Math.min(timeoutMs, MAX_TIMER_MS),
    );
    // A process that the kernel does not let go must not hold the reply.
    await Promise.race([exitOf(child), killed.promise]);
    clearTimeout(timer);
    await this.#killing;
    return {
      exitCode: this.#timedOut ? null : child.exitCode,
      signal: child.signalCode ?? (this.#timedOut ? 'SIGKILL' : null),
      timedOut: this.#timedOut,
      durationMs: Math.round((performance.now() - startedAt) * 1000) / 1000,
    };
  }
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

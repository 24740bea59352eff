import type { BoxProcess } from '@banata/protocol/box';
import { constants as osConstants } from 'node:os';
import { constants, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxError } from '../http/route.ts';
import type { ProcessFiles, ProcessMeta, ProcessRecord } from './process-files.ts';

const STDIN_LIMIT_MS = 10_000;
const STDIN_POLL_MS = 10;

/** One background process, whoever's daemon started it. */
export class BackgroundProcess {
  readonly files: ProcessFiles;
  readonly #meta: ProcessMeta;
  #record: ProcessRecord;
  #lost = false;
  readonly #ended = Promise.withResolvers<void>();
  #saved: Promise<void> = Promise.resolve();

  constructor(files: ProcessFiles, meta: ProcessMeta, record: ProcessRecord) {
    this.files = files;
    this.#meta = meta;
    this.#record = record;
    if (this.isOver) this.#ended.resolve();
  }

  get id(): string {
    return this.#meta.id;
  }

  get startedAt(): number {
    return this.#meta.startedAt;
  }

  /** Leader of the process's own group and session. */
  get pid(): number | null {
    return this.#record.pid;
  }

  get user(): 'user' | 'root' {
    return this.#meta.user;
  }

  get isOver(): boolean {
    return this.#record.ended || this.#lost;
  }

  /** Resolves at its end. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Looks whether it has ended, and bounds its output. */
  async look(): Promise<void> {
    if ((await this.files.enforceLimit()) && !this.#meta.truncated) {
      this.#meta.truncated = true;
      await this.#save();
    }
    if (this.isOver) return;
    // The record is read after the look at the supervisor, which writes it before it ends.
    const supervised = isAlive(this.#meta.supervisor);
    this.#record = await this.files.record();
    if (!this.#record.ended && !supervised) this.#lost = true;
    if (!this.isOver) return;
    this.#meta.endedAt ??= Date.now();
    await this.#save();
    this.#ended.resolve();
  }

  async view(): Promise<BoxProcess> {
    const { id, command, args, cwd, user, startedAt, endedAt, truncated } = this.#meta;
    const { pid, exitCode, signal, refused } = this.#record;
    const [stdoutBytes, stderrBytes] = await Promise.all([
      this.files.size('stdout'),
      this.files.size('stderr'),
    ]);
    return {
      id,
      command,
      args,
      cwd,
      user,
      status: this.#record.ended ? 'exited' : this.#lost ? 'lost' : 'running',
      pid,
      exitCode: refused ? (refused.errno === osConstants.errno.ENOENT ? 127 : 126) : exitCode,
      signal: signal === null ? null : signalName(signal),
      error: refused ? refusalText(refused, command, cwd) : null,
      startedAt,
      endedAt,
      stdoutBytes,
      stderrBytes,
      truncated,
      stdinOpen: this.#meta.stdin && !this.#meta.stdinClosed && !this.isOver,
    };
  }

  /** Writes all of `data`, or throws a {@link BoxError} that says how much was written. */
  async write(data: Buffer): Promise<void> {
    if (this.isOver) throw new BoxError(409, 'PROCESS_ENDED', `The process ${this.id} has ended`);
    if (!this.#meta.stdin)
      throw new BoxError(
        409,
        'STDIN_CLOSED',
        'The process was started without standard input; start it with stdin: true',
      );
    if (this.#meta.stdinClosed)
      throw new BoxError(409, 'STDIN_CLOSED', 'The standard input of the process was closed before');
    const handle = await open(this.files.fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      const deadline = performance.now() + STDIN_LIMIT_MS;
      for (let written = 0; written < data.length;) {
        try {
          written += (await handle.write(data, written, Math.min(data.length - written, 4096))).bytesWritten;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
          if (this.isOver || performance.now() > deadline)
            throw new BoxError(
              409,
              'STDIN_FULL',
              `The process does not read: ${written} of ${data.length} bytes were written within 10 s`,
              { cause: error },
            );
          await sleep(STDIN_POLL_MS);
        }
      }
    } finally {
      await handle.close();
    }
  }

  async closeStdin(): Promise<void> {
    const { supervisor, stdinClosed, stdin } = this.#meta;
    if (stdinClosed || !stdin || this.isOver) return;
    if (isAlive(supervisor) && supervisor) process.kill(supervisor.pid, 'SIGUSR1');
    this.#meta.stdinClosed = true;
    await this.#save();
  }

  /** One after the other, as a signal's look and the keeper's may end it at the same time. */
  async #save(): Promise<void> {
    const turn = this.#saved.then(() => this.files.save(this.#meta));
    this.#saved = turn.catch(() => undefined);
    await turn;
  }
}

/** Whether the very process that was noted still runs: its id may have been given to another since. */
function isAlive(noted: ProcessMeta['supervisor']): boolean {
  return noted !== null && startTimeOf(noted.pid) === noted.startTime;
}

/** Start time of a process in clock ticks since boot (field 22 of proc_pid_stat(5)); undefined when it has ended. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function signalName(number: number): string {
  const found = Object.entries(osConstants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `SIG${number}`;
}

function refusalText(refused: NonNullable<ProcessRecord['refused']>, command: string, cwd: string): string {
  if (refused.step === 'CWD') return `cwd: there is no directory ${cwd} that the user may enter`;
  if (refused.errno === osConstants.errno.ENOENT) return `${command}: command not found`;
  if (refused.errno === osConstants.errno.EAGAIN)
    return 'The sandbox has no processes left; end some and try again';
  return `${command}: cannot be run (errno ${refused.errno})`;
}

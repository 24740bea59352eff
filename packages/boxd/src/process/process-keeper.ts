import type { BoxProcessStart } from '@banata/protocol/box';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { mkdir, open, readdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { killTree } from '../exec/kill-tree.ts';
import { BoxError } from '../http/route.ts';
import type { Account, BoxLogger } from '../services.ts';
import { BackgroundProcess, startTimeOf } from './background-process.ts';
import { ProcessFiles, type ProcessMeta } from './process-files.ts';

const MAX_RUNNING = 64;
/** Ended processes whose output lies ready for its reader; the oldest go first. */
const MAX_ENDED = 64;
/** Of streams that are as long as they may be. */
const ENDED_STREAMS = 4;
const LOOK_MS = 100;
const START_LIMIT_MS = 10_000;
const NOTHING = { pid: null, refused: null, exitCode: null, signal: null, ended: false };

export interface ProcessKeeperOptions {
  /** Such as `/var/lib/banata/processes`. */
  directory: string;
  /** Path of `banata-supervise`. */
  supervisor: string;
  accounts: Record<'user' | 'root', Account>;
  /** What is kept of each output stream, bytes; known once the box is configured. */
  outputBytes: () => number;
  logger: BoxLogger;
}

/** A start, resolved: nothing in it is looked up any more. */
export interface ProcessSpec {
  program: string;
  args: readonly string[];
  cwd: string;
  env: Record<string, string>;
  account: Account;
}

/**
 * Background processes. Each has a supervisor that outlives the daemon, and a directory with its output; a new daemon
 * finds them there again.
 */
export class ProcessKeeper {
  readonly #options: ProcessKeeperOptions;
  readonly #processes = new Map<string, BackgroundProcess>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #starting = 0;

  constructor(options: ProcessKeeperOptions) {
    this.#options = options;
  }

  /** Finds the processes that a daemon before this one started. */
  async open(): Promise<void> {
    const names = await readdir(this.#options.directory).catch(() => []);
    // Names begin with the time.
    for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
      const files = this.#filesOf(name);
      const meta = await files.load();
      if (meta) this.#processes.set(name, new BackgroundProcess(files, meta, await files.record()));
      else await files.remove();
    }
    if (names.length > 0) await this.#look();
    this.#watch();
  }

  /** Stops looking; the processes go on. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#looking;
  }

  list(): BackgroundProcess[] {
    return [...this.#processes.values()];
  }

  /** Throws a {@link BoxError} 404. */
  get(id: string): BackgroundProcess {
    const found = this.#processes.get(id);
    if (!found)
      throw new BoxError(404, 'PROCESS_NOT_FOUND', `There is no background process ${id} (any more)`);
    return found;
  }

  async start(request: BoxProcessStart, spec: ProcessSpec): Promise<BackgroundProcess> {
    if (this.#running() + this.#starting >= MAX_RUNNING)
      throw new BoxError(
        429,
        'TOO_MANY_PROCESSES',
        `${MAX_RUNNING} background processes run already; end one or wait for its end`,
      );
    this.#starting += 1;
    try {
      return await this.#start(request, spec);
    } finally {
      this.#starting -= 1;
    }
  }

  /** Sends a signal to the process's group; SIGKILL goes to everything it started. */
  async signal(id: string, signal: NodeJS.Signals): Promise<BackgroundProcess> {
    const found = this.get(id);
    await found.look();
    if (found.isOver || found.pid === null) return found;
    if (signal === 'SIGKILL') {
      const accounts =
        found.user === 'root' ? Object.values(this.#options.accounts) : [this.#options.accounts.user];
      const marker = { name: 'BANATA_PROCESS_ID', value: id };
      await killTree({ root: found.pid, marker, accounts, graceMs: 0 });
    } else sendToGroup(found.pid, signal);
    // What ends it usually does so at once; the answer then says so.
    for (let looks = 0; looks < 10 && !found.isOver && signal === 'SIGKILL'; looks += 1) {
      await found.look();
      await sleep(10);
    }
    return found;
  }

  async #start(request: BoxProcessStart, spec: ProcessSpec): Promise<BackgroundProcess> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o711 });
    const id = Date.now().toString(36) + randomBytes(10).toString('hex');
    const files = this.#filesOf(id);
    const meta: ProcessMeta = {
      id,
      command: request.command,
      args: request.args ?? null,
      cwd: spec.cwd,
      user: request.user,
      stdin: request.stdin,
      startedAt: Date.now(),
      supervisor: null,
      endedAt: null,
      truncated: false,
      stdinClosed: false,
    };
    try {
      await files.create();
      await this.#launch(files, meta, spec);
      await files.save(meta);
    } catch (error) {
      await files.remove();
      throw startError(error);
    }
    const started = new BackgroundProcess(files, meta, NOTHING);
    this.#processes.set(id, started);
    await started.look();
    await this.#drop();
    this.#watch();
    return started;
  }

  async #launch(files: ProcessFiles, meta: ProcessMeta, spec: ProcessSpec): Promise<void> {
    if (meta.stdin)
      await promisify(execFile)('mkfifo', ['-m', '600', files.fifo], { timeout: START_LIMIT_MS });
    const handles: FileHandle[] = [];
    try {
      for (const path of [files.stream('stdout'), files.stream('stderr'), files.recordPath]) {
        const { O_APPEND, O_CREAT, O_EXCL, O_RDWR } = constants;
        const handle = await open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0o600);
        handles.push(handle);
        if (path !== files.recordPath) await handle.chown(spec.account.uid, spec.account.gid);
      }
      const { uid, gid } = spec.account;
      const stdin = meta.stdin ? files.fifo : '-';
      const args = [String(uid), String(gid), spec.cwd, meta.id, stdin, spec.program, ...spec.args];
      const child = spawn(this.#options.supervisor, args, {
        cwd: '/',
        env: { PATH: '/usr/bin:/bin', LANG: 'C' },
        detached: true,
        stdio: ['pipe', ...handles.map(({ fd }) => fd), 'pipe'],
      });
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(environmentBlock(spec.env));
      await this.#started(child);
      child.unref();
      const { pid } = child;
      if (pid === undefined) throw new Error('the supervisor has no process id');
      // One that has ended already left its record.
      meta.supervisor = { pid, startTime: startTimeOf(pid) ?? '' };
    } finally {
      await Promise.all(handles.map((handle) => handle.close()));
    }
  }

  /** Resolves when the supervisor has written the first line of its record. */
  async #started(child: ChildProcess): Promise<void> {
    const signal = AbortSignal.timeout(START_LIMIT_MS);
    const ready = child.stdio[4];
    try {
      await once(child, 'spawn', { signal });
      if (ready) {
        ready.on('data', () => undefined);
        await once(ready, 'close', { signal });
      }
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  #filesOf(name: string): ProcessFiles {
    const { directory, outputBytes } = this.#options;
    return new ProcessFiles(join(directory, name), outputBytes());
  }

  #running(): number {
    return this.list().filter(({ isOver }) => !isOver).length;
  }

  #watch(): void {
    if (this.#running() === 0) return;
    this.#timer ??= setInterval(() => {
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    }, LOOK_MS).unref();
  }

  async #look(): Promise<void> {
    for (const found of this.list()) {
      if (found.isOver) continue;
      await found
        .look()
        .catch((error: unknown) =>
          this.#options.logger.error('process.look_failed', { id: found.id, error }),
        );
    }
    if (this.#running() > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Removes the oldest of the ended ones that are too many or too large. */
  async #drop(): Promise<void> {
    const ended = this.list().filter(({ isOver }) => isOver);
    const sizes = await Promise.all(
      ended.map(async ({ files }) => (await files.size('stdout')) + (await files.size('stderr'))),
    );
    let total = sizes.reduce((sum, size) => sum + size, 0);
    const most = ENDED_STREAMS * this.#options.outputBytes();
    for (const [index, found] of ended.entries()) {
      if (ended.length - index <= MAX_ENDED && total <= most) return;
      total -= sizes[index] ?? 0;
      this.#processes.delete(found.id);
      await found.files.remove();
    }
  }
}

function environmentBlock(env: Record<string, string>): string {
  if (Object.values(env).some((value) => value.includes('\0')))
    throw new BoxError(400, 'INVALID_FIELD', 'env must not contain a null byte');
  return Object.entries(env)
    .map(([name, value]) => `${name}=${value}\0`)
    .join('');
}

function sendToGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function startError(error: unknown): unknown {
  if (error instanceof BoxError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new BoxError(507, 'DISK_FULL', 'The disk of the sandbox is full; remove files and try again', {
      cause: error,
    });
  if (code === 'EAGAIN' || code === 'ENOMEM')
    return new BoxError(
      503,
      'BOX_EXHAUSTED',
      'The sandbox has no processes or memory left; end some and try again',
      {
        cause: error,
      },
    );
  if (code === 'E2BIG' || code === 'ERR_INVALID_ARG_VALUE')
    return new BoxError(400, 'INVALID_FIELD', 'command, args and env are too long or hold a null byte', {
      cause: error,
    });
  return error;
}

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { preferForOom, SERVICE_SCORE } from '../limits/oom-score.ts';
import type { BoxEnvironment, BoxLogger } from '../services.ts';

/** On a machine that is busy with other boxes a program may take many seconds to begin. */
const START_TIMEOUT_MS = 30_000;
const IDLE_MS = 5 * 60_000;

export interface WorkerProcessOptions {
  environment: BoxEnvironment;
  logger: BoxLogger;
  /** Script of the worker. */
  script: string;
  /** Default 5 minutes. */
  idleMs?: number;
}

/** The worker ended before it began with what it was asked. */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError';
}

interface Worker {
  child: ChildProcess;
  socketPath: string;
}

/** Owner of the file worker: starts it when it is used, ends it when it has been idle. */
export class WorkerProcess {
  readonly #options: WorkerProcessOptions;
  readonly #directory: string;
  #current: Promise<Worker> | undefined;
  #users = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.#directory = join(options.environment.runDir, 'files');
  }

  /**
   * Runs `use` with a connection to the worker, which stays alive at least that long. When `use` throws
   * {@link WorkerLostError}, it is run once more with a new worker.
   */
  async with<T>(use: (socket: Socket) => Promise<T>): Promise<T> {
    this.#users += 1;
    clearTimeout(this.#idleTimer);
    try {
      const worker = this.#worker();
      return await this.#use(worker, use).catch(async (error: unknown) => {
        if (!(error instanceof WorkerLostError)) throw error;
        if (this.#current === worker) await this.stop();
        return await this.#use(this.#worker(), use);
      });
    } finally {
      this.#users -= 1;
      if (this.#users === 0) {
        this.#idleTimer = setTimeout(() => void this.stop(), this.#options.idleMs ?? IDLE_MS).unref();
      }
    }
  }

  /** Ends the worker; the next use starts a new one. */
  async stop(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const current = this.#current;
    this.#current = undefined;
    const worker = await current?.catch(() => undefined);
    if (worker) await killed(worker.child);
  }

  async #use<T>(worker: Promise<Worker>, use: (socket: Socket) => Promise<T>): Promise<T> {
    const socket = await connected((await worker).socketPath);
    try {
      return await use(socket);
    } finally {
      socket.destroy();
    }
  }

  /** The worker there is, or a new one. */
  #worker(): Promise<Worker> {
    if (this.#current) return this.#current;
    const started = this.#start();
    this.#current = started;
    const forget = (): void => {
      if (this.#current === started) this.#current = undefined;
    };
    started.then(({ child }) => child.once('exit', forget), forget);
    return started;
  }

  async #start(): Promise<Worker> {
    const { environment, logger, script } = this.#options;
    const { user, root } = environment.accounts;
    const socketPath = join(this.#directory, 'files.sock');
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if (user.uid !== root.uid) await chown(this.#directory, user.uid, user.gid);
    await rm(socketPath, { force: true });
    const child = spawn(process.execPath, [...workerFlags, script, environment.workspace, this.#directory], {
      uid: user.uid,
      gid: user.gid,
      cwd: '/',
      env: { PATH: environment.path, HOME: user.home, BANATA_SERVICE: 'files' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    preferForOom(child.pid, SERVICE_SCORE);
    // A worker that ended reads no more; its exit is what counts.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => logger.warn('files.worker_failed', { error }));
    child.once('exit', (exitCode, signal) => {
      if (!child.killed) logger.warn('files.worker_ended', { exitCode, signal });
    });
    try {
      await ready(child);
    } catch (error) {
      await killed(child);
      throw error;
    }
    return { socketPath, child };
  }
}

const workerFlags = ['--max-old-space-size=128'];

async function ready(child: ChildProcess): Promise<void> {
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  const ended = once(child, 'exit', { signal }).then(() =>
    Promise.reject(new Error('The file worker ended at its start')),
  );
  await Promise.race([once(child.stdout ?? child, 'data', { signal }), ended]);
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit', { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  child.kill('SIGKILL');
  await exit;
}

async function connected(path: string): Promise<Socket> {
  const socket = createConnection({ path });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    return socket;
  } catch (error) {
    socket.destroy();
    throw new WorkerLostError('The file worker takes no connection', { cause: error });
  }
}

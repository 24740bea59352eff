import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import type { BoxEnvironment, BoxLogger } from '../services.ts';

const START_TIMEOUT_MS = 10_000;
const IDLE_MS = 5 * 60_000;

export interface WorkerProcessOptions {
  environment: BoxEnvironment;
  logger: BoxLogger;
  /** Script of the worker. */
  script: string;
  /** Default 5 minutes. */
  idleMs?: number;
}

/** A worker that takes requests at its socket. */
export interface Worker {
  socketPath: string;
  agent: Agent;
}

/** Owner of the file worker: starts it when it is used, ends it when it has been idle. */
export class WorkerProcess {
  readonly #options: WorkerProcessOptions;
  readonly #directory: string;
  #current: Promise<Worker & { child: ChildProcess }> | undefined;
  #users = 0;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
    this.#directory = join(options.environment.runDir, 'files');
  }

  /** Runs `use` with the worker, which stays alive at least that long. */
  async with<T>(use: (worker: Worker) => Promise<T>): Promise<T> {
    this.#users += 1;
    clearTimeout(this.#idleTimer);
    try {
      return await use(await (this.#current ??= this.#start()));
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
    if (!worker) return;
    worker.agent.destroy();
    await killed(worker.child);
  }

  async #start(): Promise<Worker & { child: ChildProcess }> {
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
    // A worker that ended reads no more; its exit is what counts.
    child.stdin.on('error', () => undefined);
    const agent = new Agent({ keepAlive: true, maxFreeSockets: 4 });
    const forget = (): void => {
      agent.destroy();
      this.#current = undefined;
    };
    child.once('exit', (exitCode, signal) => {
      if (!child.killed) logger.warn('files.worker_ended', { exitCode, signal });
      forget();
    });
    try {
      await ready(child);
    } catch (error) {
      forget();
      await killed(child);
      throw error;
    }
    return { socketPath, agent, child };
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

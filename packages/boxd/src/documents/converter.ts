import { randomBytes } from 'node:crypto';
import { BoxError } from '../http/route.ts';
import type { BoxLogger } from '../services.ts';
import { DocumentHost, HostLostError, type HostJob, type HostSpec } from './document-host.ts';
import type { HostAnswer } from './host-messages.ts';

const IDLE_MS = 5 * 60_000;
const MAX_QUEUED = 128;
/** A job that three hosts did not live through is given up: it may be what ends them. */
const MAX_HOSTS = 3;
/** A host that was told to end a job, and does not say that it did, is ended itself. */
const CANCEL_LIMIT_MS = 2_000;

export interface ConverterOptions {
  host: Omit<HostSpec, 'id'>;
  logger: BoxLogger;
  /** Jobs that run at the same time. */
  parallel: () => number;
}

interface Waiting {
  start: () => void;
}

/** Owner of the document host: starts it when it is used, ends it when it has been idle, queues the jobs. */
export class Converter {
  readonly #options: ConverterOptions;
  readonly #queue: Waiting[] = [];
  #running = 0;
  #host: Promise<DocumentHost> | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ConverterOptions) {
    this.#options = options;
  }

  /** Starts the host ahead of the first job. Never fails: the job would tell. */
  async warm(): Promise<void> {
    await this.#current().catch((error: unknown) =>
      this.#options.logger.warn('documents.start_failed', { error }),
    );
    this.#scheduleEnd();
  }

  /**
   * Runs a job in its turn.
   * @param signal ends it, in the queue too; rejects with its reason.
   * @throws {BoxError} TOO_MANY_CONVERSIONS, CONVERTER_MISSING, CONVERSION_FAILED.
   */
  async run(job: Omit<HostJob, 'id'>, signal: AbortSignal): Promise<HostAnswer> {
    await this.#turn(signal);
    clearTimeout(this.#idleTimer);
    try {
      return await this.#attempts(job, signal);
    } finally {
      this.#running -= 1;
      this.#queue.shift()?.start();
      this.#scheduleEnd();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#endHost();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#running < this.#options.parallel()) {
      this.#running += 1;
      return;
    }
    if (this.#queue.length >= MAX_QUEUED)
      throw new BoxError(
        429,
        'TOO_MANY_CONVERSIONS',
        `${MAX_QUEUED} conversions wait already; try again later`,
      );
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = {
      start: () => {
        this.#running += 1;
        resolve();
      },
    };
    const giveUp = (): void => {
      const index = this.#queue.indexOf(waiting);
      if (index < 0) return;
      this.#queue.splice(index, 1);
      reject(signal.reason as Error);
    };
    this.#queue.push(waiting);
    signal.addEventListener('abort', giveUp, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  async #attempts(job: Omit<HostJob, 'id'>, signal: AbortSignal): Promise<HostAnswer> {
    for (let hosts = 1; ; hosts++) {
      signal.throwIfAborted();
      try {
        return await this.#attempt(await this.#current(), job, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof HostLostError)) throw error;
        if (hosts >= MAX_HOSTS || this.#stopped)
          throw new BoxError(422, 'CONVERSION_FAILED', `The converter ended (${error.message}); try again`, {
            cause: error,
          });
      }
    }
  }

  async #attempt(host: DocumentHost, job: Omit<HostJob, 'id'>, signal: AbortSignal): Promise<HostAnswer> {
    const id = randomBytes(8).toString('hex');
    let giveUp: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      host.cancel(id);
      giveUp = setTimeout(() => void host.kill(), CANCEL_LIMIT_MS).unref();
    };
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const answer = await host.run({ ...job, id });
      signal.throwIfAborted();
      return answer;
    } finally {
      signal.removeEventListener('abort', cancel);
      clearTimeout(giveUp);
    }
  }

  /** The host there is, or a new one. */
  #current(): Promise<DocumentHost> {
    if (this.#host) return this.#host;
    const started = this.#start();
    this.#host = started;
    const forget = (): void => {
      if (this.#host === started) this.#host = undefined;
    };
    started.then(({ ended }) => ended.then(forget), forget);
    return started;
  }

  async #start(): Promise<DocumentHost> {
    if (this.#stopped) throw new HostLostError('the daemon stops');
    const host = new DocumentHost({ ...this.#options.host, id: randomBytes(8).toString('hex') });
    try {
      await host.whenReady();
      return host;
    } catch (error) {
      await host.kill();
      throw error;
    }
  }

  #scheduleEnd(): void {
    clearTimeout(this.#idleTimer);
    if (this.#running > 0 || this.#stopped) return;
    this.#idleTimer = setTimeout(() => void this.#endHost(), IDLE_MS).unref();
  }

  async #endHost(): Promise<void> {
    clearTimeout(this.#idleTimer);
    const host = await this.#host?.catch(() => undefined);
    this.#host = undefined;
    await host?.kill();
  }
}

import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../logger.ts';

const RECONNECT_MS = 1_000;

/**
 * PostgreSQL's LISTEN for the whole process, over one connection. A notification only says "look again": waiters also
 * wake on a reconnect, and bound their waits, so that a lost one costs time and nothing else.
 */
export class Notifications {
  readonly #config: pg.PoolConfig;
  readonly #channels: string[];
  readonly #logger: Logger;
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  readonly #stop = new AbortController();
  #client: pg.Client | undefined;

  constructor(config: pg.PoolConfig, channels: string[], logger: Logger) {
    this.#config = config;
    this.#channels = channels;
    this.#logger = logger;
  }

  async start(): Promise<void> {
    await this.#connect();
  }

  /** Calls `wake` whenever something happened to `subject` on the channel, or may have. @returns unsubscribe. */
  subscribe(channel: string, subject: string, wake: () => void): () => void {
    const name = `${channel}:${subject}`;
    this.#emitter.on(name, wake);
    this.#emitter.on('wake-all', wake);
    return () => {
      this.#emitter.off(name, wake);
      this.#emitter.off('wake-all', wake);
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#emitter.emit('wake-all');
    await this.#client?.end();
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({ ...this.#config, connectionTimeoutMillis: 10_000 });
    client.on('notification', ({ channel, payload }) => this.#emitter.emit(`${channel}:${payload ?? ''}`));
    client.on('error', (error) =>
      this.#logger.warn({ event: 'database.listen_lost', err: error }, 'LISTEN connection lost'),
    );
    await client.connect();
    // Only now: a client that never connected ends too, and its caller tries again already.
    client.on('end', () => void this.#reconnect());
    for (const channel of this.#channels) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    this.#client = client;
  }

  async #reconnect(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await sleep(RECONNECT_MS, undefined, { signal: this.#stop.signal });
        await this.#connect();
        this.#emitter.emit('wake-all');
        return;
      } catch (error) {
        if (!this.#stop.signal.aborted)
          this.#logger.warn({ event: 'database.listen_failed', err: error }, 'LISTEN failed; trying again');
      }
    }
  }
}

/** Remembers wake-ups that come while nobody waits, so that none is lost between looking and waiting. */
export class Waker {
  readonly #emitter = new EventEmitter();
  #woken = false;

  readonly wake = (): void => {
    this.#woken = true;
    this.#emitter.emit('wake');
  };

  /** Resolves at the next wake-up, at once if there was one since the last wait, and after `timeoutMs` at the latest. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#woken) {
      try {
        await once(this.#emitter, 'wake', {
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
      } catch (error) {
        if ((error as Error).name !== 'AbortError') throw error;
      }
    }
    this.#woken = false;
  }
}

import type { BoxLimitName } from '@banata/protocol/box';
import type { BoxLogger, EventSink } from '../services.ts';

const QUIET_MS = 10_000;
const RETRY_MS = 2000;
const MAX_DETAIL = 500;

export interface LimitEventsOptions {
  events: EventSink;
  logger: BoxLogger;
  /** Shortest time between two events of one limit. Default 10 s. */
  quietMs?: number;
  /** Time between two tries to write. Default 2 s. */
  retryMs?: number;
}

/** Writes into the journal what the box ran out of: once in a while per limit, and later when the disk takes nothing. */
export class LimitEvents {
  readonly #options: LimitEventsOptions;
  readonly #last = new Map<BoxLimitName, number>();
  readonly #waiting = new Map<BoxLimitName, string>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: LimitEventsOptions) {
    this.#options = options;
  }

  /** Says that the box ran out of something. `detail` is for people; it may hold what processes chose. */
  report(limit: BoxLimitName, detail: string): void {
    const now = performance.now();
    const last = this.#last.get(limit);
    if (last !== undefined && now - last < (this.#options.quietMs ?? QUIET_MS)) return;
    this.#last.set(limit, now);
    const printable = detail.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_DETAIL);
    this.#options.logger.warn('limit.reached', { limit, detail: printable });
    this.#waiting.set(limit, printable);
    this.#write();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    clearTimeout(this.#timer);
  }

  #write(): void {
    this.#writing ??= this.#flush().finally(() => {
      this.#writing = undefined;
      if (this.#waiting.size === 0) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#write(), this.#options.retryMs ?? RETRY_MS).unref();
    });
  }

  async #flush(): Promise<void> {
    for (const [limit, detail] of this.#waiting) {
      if (!(await this.#append(limit, detail))) return;
      this.#waiting.delete(limit);
    }
  }

  async #append(limit: BoxLimitName, detail: string): Promise<boolean> {
    const { events, logger } = this.#options;
    try {
      await events.append({ type: 'limit.reached', data: { limit, detail } });
      return true;
    } catch (error) {
      logger.warn('limit.event_waits', { limit, error });
      return false;
    }
  }
}

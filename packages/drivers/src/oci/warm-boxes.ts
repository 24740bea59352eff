import type { BoxLimits } from '../driver.ts';
import type { BoxHost } from './box-host.ts';
import type { BoxRecord } from './box-record.ts';
import type { Logger } from './logger.ts';

/** Boxes that are asked for now come first: a refill waits until none was asked for this long. */
const QUIET_MS = 100;
const RETRY_MS = 5_000;

export interface WarmBoxesOptions {
  boxes: BoxHost;
  /** How many to keep. */
  count: number;
  limits: BoxLimits;
  logger: Logger;
}

/** Keeps boxes started that nobody has used. Each is handed out once. */
export class WarmBoxes {
  readonly #options: WarmBoxesOptions;
  readonly #ready: BoxRecord[] = [];
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: WarmBoxesOptions) {
    this.#options = options;
  }

  /** Takes over a warm box of an earlier run. */
  adopt(record: BoxRecord): void {
    this.#ready.push(record);
  }

  get size(): number {
    return this.#ready.length;
  }

  /** Hands out a box, or undefined when none is ready. */
  take(): BoxRecord | undefined {
    return this.#ready.shift();
  }

  /** Sees to it that the store is filled up soon. */
  refill(delayMs = QUIET_MS): void {
    if (this.#stop.signal.aborted || this.#options.count === 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running ??= this.#fill().finally(() => {
        this.#running = undefined;
      });
    }, delayMs);
    this.#timer.unref();
  }

  async #fill(): Promise<void> {
    const { boxes, count, limits, logger } = this.#options;
    try {
      while (this.#ready.length < count && !this.#stop.signal.aborted) {
        const { record } = await boxes.start(null, limits, this.#stop.signal);
        this.#ready.push(record);
      }
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      logger.error({ err: error, retryMs: RETRY_MS }, 'no warm box could be started');
      this.refill(RETRY_MS);
    }
  }

  /** Ends background work; the boxes go on. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort(new Error('the driver is closing'));
    await this.#running;
  }

  /** Ends all boxes of the store. */
  async drain(): Promise<void> {
    await this.close();
    for (let record = this.take(); record; record = this.take()) await this.#options.boxes.end(record);
  }
}

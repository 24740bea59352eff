import type { BoxHost, BoxPlan } from './box-host.ts';
import type { BoxRecord } from './box-record.ts';
import type { Logger } from './logger.ts';

/** Boxes that are asked for now come first: a refill waits until none was asked for this long. */
const QUIET_MS = 100;
const RETRY_MS = 5_000;

export interface WarmBoxesOptions {
  boxes: BoxHost;
  /** How many to keep of which kind; one entry for each isolation. */
  stock: { plan: BoxPlan; count: number }[];
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

  /**
   * Takes over a warm box of an earlier run.
   * @returns false when such boxes are no longer kept.
   */
  adopt(record: BoxRecord): boolean {
    const { stock, boxes } = this.#options;
    const wanted = stock.some(({ plan, count }) => count > 0 && boxes.fits(record, plan));
    if (wanted) this.#ready.push(record);
    return wanted;
  }

  get size(): number {
    return this.#ready.length;
  }

  /** Hands out a box that can become what is planned, or undefined when none is ready. */
  take(plan: BoxPlan): BoxRecord | undefined {
    const index = this.#ready.findIndex((record) => this.#options.boxes.fits(record, plan));
    return index < 0 ? undefined : this.#ready.splice(index, 1)[0];
  }

  /** Sees to it that the store is filled up soon. */
  refill(delayMs = QUIET_MS): void {
    if (this.#stop.signal.aborted || this.#options.stock.every(({ count }) => count === 0)) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running ??= this.#fill().finally(() => {
        this.#running = undefined;
      });
    }, delayMs);
    this.#timer.unref();
  }

  #stocked({ isolation }: BoxPlan): number {
    return this.#ready.filter((record) => record.isolation === isolation).length;
  }

  async #fill(): Promise<void> {
    const { boxes, stock, logger } = this.#options;
    try {
      for (const { plan, count } of stock) {
        while (this.#stocked(plan) < count && !this.#stop.signal.aborted) {
          const { record } = await boxes.start(null, plan, this.#stop.signal);
          this.#ready.push(record);
        }
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
    for (const record of this.#ready.splice(0)) await this.#options.boxes.end(record);
  }
}

import type { BoxServices } from '../driver.ts';
import type { BoxHost, BoxPlan } from './box-host.ts';
import type { BoxRecord } from './box-record.ts';
import { hasRoomFor, readHostMemory } from './free-memory.ts';
import type { Logger } from './logger.ts';

/** Boxes that are asked for now come first: a refill waits until none was asked for this long. */
const QUIET_MS = 100;
const RETRY_MS = 5_000;
/** Kinds that serve who asks for the first, the best first. What a box lacks is started in it. */
const SERVED_BY: Record<BoxServices, readonly BoxServices[]> = {
  none: ['none'],
  browser: ['browser', 'none'],
  agent: ['agent', 'browser', 'none'],
};

export interface WarmBoxesOptions {
  boxes: BoxHost;
  /** How many to keep of which kind. */
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
  #isShort = false;

  constructor(options: WarmBoxesOptions) {
    this.#options = options;
  }

  /**
   * Takes over a warm box of an earlier run.
   * @returns false when such boxes are no longer kept.
   */
  adopt(record: BoxRecord): boolean {
    const wanted = this.#options.stock.some(
      (entry) => this.#isOf(record, entry.plan) && this.#stocked(entry.plan) < entry.count,
    );
    if (wanted) this.#ready.push(record);
    return wanted;
  }

  get size(): number {
    return this.#ready.length;
  }

  /** Hands out a box that can become what is planned, or undefined when none is ready. */
  take(plan: BoxPlan): BoxRecord | undefined {
    for (const services of SERVED_BY[plan.services ?? 'none']) {
      const index = this.#ready.findIndex((record) => this.#isOf(record, { ...plan, services }));
      if (index >= 0) return this.#ready.splice(index, 1)[0];
    }
    return undefined;
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

  #isOf(record: BoxRecord, plan: BoxPlan): boolean {
    return record.services === (plan.services ?? 'none') && this.#options.boxes.fits(record, plan);
  }

  #stocked(plan: BoxPlan): number {
    return this.#ready.filter((record) => this.#isOf(record, plan)).length;
  }

  /** The first kind of which there are too few: boxes are taken while others are started. */
  #missing(): BoxPlan | undefined {
    return this.#options.stock.find(({ plan, count }) => this.#stocked(plan) < count)?.plan;
  }

  async #fill(): Promise<void> {
    const { boxes, logger } = this.#options;
    try {
      for (let plan = this.#missing(); plan && !this.#stop.signal.aborted; plan = this.#missing()) {
        if (!(await this.#hasRoom(plan))) return this.refill(RETRY_MS);
        const { record } = await boxes.start(null, plan, this.#stop.signal);
        this.#ready.push(record);
      }
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      logger.error({ err: error, retryMs: RETRY_MS }, 'no warm box could be started');
      this.refill(RETRY_MS);
    }
  }

  async #hasRoom({ services = 'none' }: BoxPlan): Promise<boolean> {
    const memory = await readHostMemory();
    const isShort = !hasRoomFor(services, memory);
    if (isShort && !this.#isShort) {
      const found = { freeBytes: memory.free, services };
      this.#options.logger.warn(found, 'the host is short of memory, so fewer warm boxes are kept');
    }
    this.#isShort = isShort;
    return !isShort;
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

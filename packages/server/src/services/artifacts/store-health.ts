import type { Logger } from '../../logger.ts';
import type { ObjectStore } from '../../stores/objects/object-store.ts';

const QUIET_MS = 10_000;

/** Knows whether the object store answers, by asking it now and then. */
export class StoreHealth {
  readonly #objects: ObjectStore;
  readonly #logger: Logger;
  readonly #onUp: () => Promise<void>;
  #up = true;
  #checkedAt = Number.NEGATIVE_INFINITY;

  /** @param onUp runs when the store is back. */
  constructor(objects: ObjectStore, logger: Logger, onUp: () => Promise<void>) {
    this.#objects = objects;
    this.#logger = logger;
    this.#onUp = onUp;
  }

  /** As of the last check; true before the first. */
  get up(): boolean {
    return this.#up;
  }

  /** Asks the store from time to time, and at each call while it does not answer. */
  async watch(): Promise<void> {
    if (!this.#up || performance.now() - this.#checkedAt > QUIET_MS) await this.check();
  }

  /** Asks the store. */
  async check(): Promise<boolean> {
    const before = this.#up;
    this.#checkedAt = performance.now();
    let problem: unknown;
    try {
      await this.#objects.list('', { limit: 1 });
      this.#up = true;
    } catch (error) {
      this.#up = false;
      problem = error;
    }
    if (before && !this.#up)
      this.#logger.warn(
        { event: 'object-store.down', err: problem },
        'the object store does not answer; what is published waits on this server',
      );
    if (!before && this.#up) {
      this.#logger.info({ event: 'object-store.up' }, 'the object store is back');
      await this.#onUp();
    }
    return this.#up;
  }
}

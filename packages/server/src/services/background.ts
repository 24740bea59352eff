import type { Logger } from '../logger.ts';

/** Owns work that goes on after its caller was answered, so that the server can wait for it when it stops. */
export class Background {
  readonly #logger: Logger;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Runs `work` now; what it throws is logged under `name`. */
  run(name: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#stop.signal.aborted) return;
    const done = work(this.#stop.signal)
      .catch((error: unknown) => {
        if (!this.#stop.signal.aborted)
          this.#logger.error({ event: 'background.failed', name, err: error }, `${name} failed`);
      })
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  /** Aborts everything and waits for it, at most `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#stop.abort();
    const { promise: timeout, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    await Promise.race([Promise.allSettled(this.#running), timeout]);
    clearTimeout(timer);
  }
}

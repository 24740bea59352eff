const WINDOW_MS = 60_000;
const MAX_RESTARTS = 5;
const FIRST_BACKOFF_MS = 200;

/** Decides whether and when a process that ended is started again: at once first, slower then, at last not. */
export class RestartPolicy {
  #ends: number[] = [];

  /**
   * Notes an end at `now` (milliseconds of any steady clock).
   * @returns milliseconds to wait before the next start; undefined when it ended more than five times in a minute.
   */
  next(now: number): number | undefined {
    this.#ends = this.#ends.filter((end) => now - end < WINDOW_MS);
    this.#ends.push(now);
    const count = this.#ends.length;
    if (count > MAX_RESTARTS) return undefined;
    return count === 1 ? 0 : FIRST_BACKOFF_MS * 2 ** (count - 2);
  }
}

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;
/** A server that lived this long was well; its end starts a new count. */
const WELL_AFTER_MS = 60_000;
/** Failures in a row after which the agent counts as failed; starting it is still tried. */
const FAILED_AFTER = 4;

/** Counts the failures of the agent server in a row. */
export class RestartDelay {
  #failures = 0;

  /** Notes an end after `livedMs` of service (0: it never came up). Resolves to the pause before the next start. */
  next(livedMs: number): { delayMs: number; failed: boolean } {
    this.#failures = livedMs >= WELL_AFTER_MS ? 1 : this.#failures + 1;
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 1));
    return { delayMs, failed: this.#failures >= FAILED_AFTER };
  }
}

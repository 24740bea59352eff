/** Takes the time of steps that follow each other. */
export class Stopwatch {
  readonly #timings: Record<string, number> = {};
  #last = performance.now();

  /** Notes what passed since the last step, milliseconds with two digits. */
  lap(step: string): void {
    const now = performance.now();
    this.#timings[step] = Math.round((now - this.#last) * 100) / 100;
    this.#last = now;
  }

  timings(): Record<string, number> {
    return { ...this.#timings };
  }
}

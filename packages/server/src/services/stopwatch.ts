/** A step of an operation. Times are epoch ms. */
export interface Step {
  name: string;
  startAt: number;
  endAt: number;
}

/** Says how long each step of an operation took. */
export class Stopwatch {
  readonly steps: Step[] = [];
  #since = performance.now();

  /** Milliseconds each step took, with one decimal. */
  get laps(): Record<string, number> {
    return Object.fromEntries(
      this.steps.map(({ name, startAt, endAt }) => [name, Math.round((endAt - startAt) * 10) / 10]),
    );
  }

  /** Ends a step. */
  lap(name: string): void {
    const now = performance.now();
    this.#add(name, this.#since, now);
    this.#since = now;
  }

  /** Takes over the parts of the step that ends now, as measured elsewhere: ms by name, one after another. */
  lapWith(parts: Record<string, number>): void {
    let from = this.#since;
    for (const [name, ms] of Object.entries(parts)) {
      this.#add(name, from, from + ms);
      from += ms;
    }
    this.#since = performance.now();
  }

  #add(name: string, from: number, to: number): void {
    const { timeOrigin } = performance;
    this.steps.push({ name, startAt: timeOrigin + from, endAt: timeOrigin + to });
  }
}

/** Says how long each step of an operation took. */
export class Stopwatch {
  readonly laps: Record<string, number> = {};
  #since = performance.now();

  /** Ends a step: the time since the one before, in ms with one decimal. */
  lap(name: string): void {
    const now = performance.now();
    this.laps[name] = Math.round((now - this.#since) * 10) / 10;
    this.#since = now;
  }

  /** Takes over the parts of the step that ends now, as measured elsewhere. */
  lapWith(parts: Record<string, number>): void {
    Object.assign(this.laps, parts);
    this.#since = performance.now();
  }
}

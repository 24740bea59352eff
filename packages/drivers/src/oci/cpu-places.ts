/**
 * Which CPUs each box runs on. A box gets as many as it may use, so that programs in it count right, and those that the
 * fewest others have: two boxes share a CPU only when none is free.
 */
export class CpuPlaces {
  readonly #available: readonly number[];
  readonly #places = new Map<string, readonly number[]>();

  /** @param available numbers of the CPUs that boxes can be confined to; none where the host cannot do that. */
  constructor(available: readonly number[]) {
    this.#available = available;
  }

  /** CPUs for a box of `cpus`, as the kernel lists them; a box that has that many keeps them. Empty when there are none. */
  place(name: string, cpus: number): string {
    const count = Math.min(Math.ceil(cpus), this.#available.length);
    const had = this.#places.get(name);
    const chosen = had?.length === count ? had : this.#choose(name, count);
    this.#places.set(name, chosen);
    return chosen.join(',');
  }

  /** Takes over a box that runs already. */
  adopt(name: string, cpus: readonly number[]): void {
    this.#places.set(name, cpus);
  }

  release(name: string): void {
    this.#places.delete(name);
  }

  #choose(name: string, count: number): number[] {
    const taken = new Map<number, number>();
    for (const [other, cpus] of this.#places) {
      if (other === name) continue;
      for (const cpu of cpus) taken.set(cpu, (taken.get(cpu) ?? 0) + 1);
    }
    const free = (cpu: number): number => taken.get(cpu) ?? 0;
    return this.#available
      .toSorted((a, b) => free(a) - free(b))
      .slice(0, count)
      .toSorted((a, b) => a - b);
  }
}

/** Addresses of one box that are remembered; the oldest go first. */
const MAX_ADDRESSES = 2_048;
const MAX_NAMES_PER_ADDRESS = 8;
/** A client may take a moment from the answer to its connection, whatever the answer's time to live. */
const MIN_TTL_MS = 30_000;
const MAX_TTL_MS = 60 * 60_000;

/** Which names the name service answered a box with which addresses, for as long as the answers are good. */
export class ResolvedNames {
  readonly #addresses = new Map<string, Map<string, number>>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  learn(name: string, addresses: readonly string[], ttlSeconds: number): void {
    const until = this.#now() + Math.min(Math.max(ttlSeconds * 1000, MIN_TTL_MS), MAX_TTL_MS);
    for (const address of addresses) {
      const names = this.#addresses.get(address) ?? new Map<string, number>();
      names.delete(name);
      names.set(name, until);
      trim(names, MAX_NAMES_PER_ADDRESS);
      this.#addresses.delete(address);
      this.#addresses.set(address, names);
    }
    trim(this.#addresses, MAX_ADDRESSES);
  }

  /** Names whose answers had this address and are still good, newest first. */
  namesOf(address: string): string[] {
    const now = this.#now();
    return [...(this.#addresses.get(address) ?? [])]
      .filter(([, until]) => until > now)
      .map(([name]) => name)
      .toReversed();
  }
}

function trim(map: Map<string, unknown>, size: number): void {
  for (const key of map.keys()) {
    if (map.size <= size) return;
    map.delete(key);
  }
}

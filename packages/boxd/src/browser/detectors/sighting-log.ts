import type { BoxHandoff } from '@banata/protocol/box';

export type DetectorKind = NonNullable<BoxHandoff['detected']>['detector'];

/** Looks in a row that must show something before a person is asked: pages lead on, and draw themselves in pieces. */
const LOOKS_TO_TRUST = 2;
/** Looks in a row without it after which it counts as gone; a new one is another occurrence. */
const LOOKS_TO_FORGET = 3;
/** Whatever pages do, people are asked no more often than this. */
const BETWEEN_REQUESTS_MS = 30_000;
const PER_HOUR = 20;
const HOUR_MS = 60 * 60_000;

interface Sighting {
  seen: number;
  missed: number;
  told: boolean;
}

/** Decides when what was seen is worth a request: once for each occurrence, when it stays, and not too often. */
export class SightingLog {
  #document = '';
  readonly #sightings = new Map<DetectorKind, Sighting>();
  #asked: number[] = [];

  /**
   * @param document which one was looked at: the same name until another one is loaded.
   * @param now on a clock that only goes forward, ms.
   * @returns whether to ask for a person now.
   */
  note(document: string, shown: readonly DetectorKind[], now: number): boolean {
    if (document !== this.#document) this.#sightings.clear();
    this.#document = document;
    for (const [kind, sighting] of this.#sightings) {
      if (shown.includes(kind)) continue;
      sighting.missed += 1;
      sighting.seen = 0;
      if (sighting.missed >= LOOKS_TO_FORGET) this.#sightings.delete(kind);
    }
    for (const kind of shown) {
      const known = this.#sightings.get(kind) ?? { seen: 0, missed: 0, told: false };
      this.#sightings.set(kind, { ...known, seen: known.seen + 1, missed: 0 });
    }
    const due = [...this.#sightings.values()].filter(({ seen, told }) => !told && seen >= LOOKS_TO_TRUST);
    if (due.length === 0 || !this.#mayAsk(now)) return false;
    this.#asked.push(now);
    // One request is about all that the page shows.
    for (const sighting of this.#sightings.values()) sighting.told = true;
    return true;
  }

  #mayAsk(now: number): boolean {
    this.#asked = this.#asked.filter((at) => now - at < HOUR_MS);
    const last = this.#asked.at(-1);
    return this.#asked.length < PER_HOUR && (last === undefined || now - last >= BETWEEN_REQUESTS_MS);
  }
}

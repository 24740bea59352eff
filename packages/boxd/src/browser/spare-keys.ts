/** Symbols of each key of a keyboard, by key code; a key without meaning has none. */
export type KeyboardMap = ReadonlyMap<number, readonly number[]>;

/** What to change, and which symbols have a key then. */
export interface KeyChoice {
  /** Symbol that each key gets, by key code. */
  changes: Map<number, number>;
  /** How many of the wanted symbols have a key then, from the first on. */
  ready: number;
  /** Symbols that keys were given to, with their keys; least recently wanted first. */
  given: Map<number, number>;
}

/**
 * Finds keys for symbols that a keyboard lacks: first those without a meaning, then those given to other symbols
 * before, the least recently wanted first.
 * @param before symbols that keys were given to; those which the keyboard does not have there any more do not count.
 */
export function chooseKeys(
  keyboard: KeyboardMap,
  wanted: readonly number[],
  before: ReadonlyMap<number, number>,
): KeyChoice {
  const given = new Map([...before].filter(([keysym, key]) => keyboard.get(key)?.[0] === keysym));
  const present = new Set([...keyboard.values()].flat());
  for (const keysym of wanted) {
    const key = given.get(keysym);
    if (key === undefined) continue;
    given.delete(keysym);
    given.set(keysym, key);
  }
  const spare = [...keyboard].filter(([, keysyms]) => keysyms.length === 0).map(([key]) => key);
  const reusable = [...given].filter(([keysym]) => !wanted.includes(keysym));
  const changes = new Map<number, number>();
  let ready = 0;
  for (const keysym of wanted) {
    if (!present.has(keysym)) {
      const key = spare.shift() ?? takeBack(reusable, given);
      if (key === undefined) break;
      changes.set(key, keysym);
      given.set(keysym, key);
      present.add(keysym);
    }
    ready += 1;
  }
  return { changes, ready, given };
}

function takeBack(reusable: [number, number][], given: Map<number, number>): number | undefined {
  const [keysym, key] = reusable.shift() ?? [];
  if (keysym !== undefined) given.delete(keysym);
  return key;
}

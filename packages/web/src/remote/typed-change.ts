/** What to type to turn one text into another: so many characters back, then these. */
export interface TypedChange {
  backspaces: number;
  text: string[];
}

/**
 * What was typed between two values of an input. On-screen keyboards compose and correct words after the fact, so keys
 * cannot be told from their events, but they can from what they did.
 */
export function typedChange(before: string, after: string): TypedChange {
  const old = Array.from(before);
  const now = Array.from(after);
  const differs = old.findIndex((character, index) => character !== now[index]);
  const same = differs < 0 ? old.length : differs;
  return { backspaces: old.length - same, text: now.slice(same) };
}

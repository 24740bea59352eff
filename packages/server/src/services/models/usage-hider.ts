/** Longest event that is held back to be looked at. */
const MAX_HELD = 1024 * 1024;
/** Events end with an empty line, with either kind of line end. */
const ENDS = ['\n\n', '\r\n\r\n'].map((text) => Buffer.from(text));

/**
 * Takes the chunk that tells the usage out of a streamed chat completion, for callers that did not ask for it: many
 * read `choices[0]` of every chunk, and that one has none. All other bytes pass as they came.
 */
export class UsageHider {
  #held: Buffer = Buffer.alloc(0);
  #isOver = false;

  /** What can be passed on after these bytes: whole events. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#isOver) return bytes;
    this.#held = Buffer.concat([this.#held, bytes]);
    const out: Buffer[] = [];
    for (let end = endOfEvent(this.#held); end !== -1; end = endOfEvent(this.#held)) {
      const event = this.#held.subarray(0, end);
      this.#held = this.#held.subarray(end);
      if (!tellsOnlyUsage(event)) out.push(event);
    }
    if (this.#held.length > MAX_HELD) {
      this.#isOver = true;
      out.push(this.end() as Buffer);
    }
    return Buffer.concat(out);
  }

  /** What was still held back at the end of the stream. */
  end(): Uint8Array {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }
}

function endOfEvent(bytes: Buffer): number {
  const ends = ENDS.map((mark) => {
    const at = bytes.indexOf(mark);
    return at === -1 ? Infinity : at + mark.length;
  });
  const first = Math.min(...ends);
  return first === Infinity ? -1 : first;
}

function tellsOnlyUsage(event: Buffer): boolean {
  if (!event.includes('"usage"')) return false;
  const lines = event.toString('utf8').split(/\r?\n/);
  const data = lines.flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : [])).join('\n');
  try {
    const value = JSON.parse(data) as { choices?: unknown; usage?: unknown };
    return Array.isArray(value.choices) && value.choices.length === 0 && value.usage != null;
  } catch {
    return false;
  }
}

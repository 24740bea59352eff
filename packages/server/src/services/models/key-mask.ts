/** Shorter "keys" are words such as `none` or `ollama` that local servers are given; to mask them would spoil answers. */
const MIN_SECRET_LENGTH = 16;

/**
 * Blots a key out of a byte stream with as many asterisks, so that lengths stay true. Bytes are held back only while
 * they may be the beginning of the key.
 */
export class KeyMask {
  readonly #key: Buffer | null;
  #held: Buffer = Buffer.alloc(0);

  constructor(key: string | null) {
    this.#key = key !== null && key.length >= MIN_SECRET_LENGTH ? Buffer.from(key) : null;
  }

  /** What can be passed on after this chunk; may be empty. */
  push(chunk: Uint8Array): Uint8Array {
    const key = this.#key;
    if (key === null) return chunk;
    const bytes = Buffer.concat([this.#held, chunk]);
    for (let at = bytes.indexOf(key); at !== -1; at = bytes.indexOf(key, at + key.length)) {
      bytes.fill('*', at, at + key.length);
    }
    const hold = this.#suspiciousTail(bytes, key);
    this.#held = bytes.subarray(bytes.length - hold);
    return bytes.subarray(0, bytes.length - hold);
  }

  /** What was still held back at the end of the stream. */
  end(): Uint8Array {
    const rest = this.#held;
    this.#held = Buffer.alloc(0);
    return rest;
  }

  /** The same for a whole text. */
  text(text: string): string {
    const key = this.#key?.toString();
    return key === undefined ? text : text.replaceAll(key, '*'.repeat(key.length));
  }

  /** Length of the longest end of `bytes` that the key begins with. */
  #suspiciousTail(bytes: Buffer, key: Buffer): number {
    for (let length = Math.min(key.length - 1, bytes.length); length > 0; length -= 1) {
      if (bytes.subarray(bytes.length - length).equals(key.subarray(0, length))) return length;
    }
    return 0;
  }
}

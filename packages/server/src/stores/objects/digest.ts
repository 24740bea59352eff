import { createHash } from 'node:crypto';
import { addAbortSignal, type Readable } from 'node:stream';
import type { StoredObject } from './object-store.ts';

/** Counts and hashes a body while it is read. */
export class Digest {
  readonly #hash = createHash('sha256');
  #size = 0;
  #failure: { error: unknown } | undefined;

  /** What the body threw, which is its sender's fault and not that of where it goes. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  /** The same bytes, counted as they are taken. The body is destroyed when the signal aborts. */
  async *pass(body: Readable, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
    if (signal) addAbortSignal(signal, body);
    let handedOut = false;
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        this.#size += chunk.byteLength;
        this.#hash.update(chunk);
        handedOut = true;
        yield chunk;
        handedOut = false;
      }
    } catch (error) {
      // A reader that stops early throws in here too; then the body itself has not failed.
      if (!handedOut) this.#failure = { error };
      throw error;
    }
  }

  /** Once, when all has passed. */
  finish(): StoredObject {
    return { size: this.#size, sha256: this.#hash.digest('hex') };
  }
}

import { StringDecoder } from 'node:string_decoder';

/** Takes a stream apart at a mark: what comes before belongs to the run, what follows to nobody. */
export class MarkedOutput {
  readonly #mark: Buffer;
  readonly #emit: (text: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #held: Buffer = Buffer.alloc(0);
  #seen = false;

  /** @param mark begins with a null byte, so that ordinary text need not be held back. */
  constructor(mark: string, emit: (text: string) => void) {
    this.#mark = Buffer.from(mark);
    this.#emit = emit;
  }

  get seen(): boolean {
    return this.#seen;
  }

  push(chunk: Buffer): void {
    if (this.#seen) return;
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = bytes.indexOf(this.#mark);
    if (at >= 0) {
      this.#send(bytes.subarray(0, at));
      this.#seen = true;
      this.#held = Buffer.alloc(0);
      return;
    }
    const tail = bytes.indexOf(0, Math.max(0, bytes.length - this.#mark.length + 1));
    const end = tail < 0 ? bytes.length : tail;
    this.#send(bytes.subarray(0, end));
    this.#held = Buffer.from(bytes.subarray(end));
  }

  #send(bytes: Buffer): void {
    const text = this.#decoder.write(bytes);
    if (text !== '') this.#emit(text);
  }
}

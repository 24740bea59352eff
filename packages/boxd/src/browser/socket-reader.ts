import type { Socket } from 'node:net';

/** Longest piece that is read at once, bytes: a raw picture of the largest screen stays below. */
const MAX_PIECE_BYTES = 64 * 1024 * 1024;

/** Reads exact numbers of bytes from a socket. */
export class SocketReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Buffer> {
    if (length > MAX_PIECE_BYTES) throw new Error(`A message of ${length} bytes is too long.`);
    while (this.#buffer.length < length) {
      const next = await this.#chunks.next();
      if (next.done) throw new Error('The other side closed the connection.');
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
    }
    const piece = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return piece;
  }
}

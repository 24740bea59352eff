const MAX_BYTES = 256 * 1024;

/** The end of a terminal's output. */
export class Scrollback {
  #pieces: Buffer[] = [];
  #bytes = 0;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    while (this.#bytes > MAX_BYTES) {
      const oldest = this.#pieces[0];
      if (!oldest) return;
      const excess = this.#bytes - MAX_BYTES;
      if (oldest.length <= excess) this.#pieces.shift();
      // From the next line on, so that the first thing shown is no half of an escape sequence.
      else this.#pieces[0] = fromNextLine(oldest, excess);
      this.#bytes = this.#pieces.reduce((sum, { length }) => sum + length, 0);
    }
  }

  pieces(): readonly Buffer[] {
    return this.#pieces;
  }
}

function fromNextLine(piece: Buffer, start: number): Buffer {
  const newline = piece.indexOf(0x0a, start);
  return piece.subarray(newline < 0 ? start : newline + 1);
}

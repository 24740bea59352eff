import { open, type FileHandle } from 'node:fs/promises';
import { BoxError } from '../http/route.ts';
import type { Journal } from './journal.ts';
import { lineCursor } from './segment.ts';

const CHUNK_BYTES = 256 * 1024;

export interface JournalLine {
  cursor: number;
  /** The entry as JSON. */
  json: string;
}

interface OpenSegment {
  handle: FileHandle;
  firstCursor: number;
  position: number;
  /** Bytes that were read and are no whole, visible entry yet. */
  rest: Buffer;
}

/** Reads the journal from disk, a bounded piece at a time, so that a slow reader costs no memory. */
export class JournalReader {
  readonly #journal: Journal;
  #after: number;
  #segment: OpenSegment | undefined;

  constructor(journal: Journal, after: number) {
    this.#journal = journal;
    this.#after = after;
  }

  /**
   * Resolves with some of the next entries, or none when the reader is at the end.
   * Throws a {@link BoxError} 410: `CURSOR_TOO_OLD` when entries after the cursor were dropped already,
   * `CURSOR_AHEAD` when the journal never reached the cursor.
   */
  async next(): Promise<JournalLine[]> {
    const { lastCursor } = this.#journal;
    if (this.#after > lastCursor) {
      throw new BoxError(
        410,
        'CURSOR_AHEAD',
        `This box has no event ${this.#after}, its last is ${lastCursor}: its disk was put back to an earlier state; read again after 0`,
      );
    }
    for (;;) {
      // Without this an entry could be read that is written but may still be taken back.
      if (this.#after >= this.#journal.lastCursor) return [];
      const lines = await this.#readPiece(await this.#open());
      if (lines.length > 0) return lines;
    }
  }

  async close(): Promise<void> {
    await this.#segment?.handle.close();
    this.#segment = undefined;
  }

  async #open(): Promise<OpenSegment> {
    const wanted = this.#after + 1;
    const place = this.#journal.locate(wanted);
    if (this.#segment && (!place || place.firstCursor === this.#segment.firstCursor)) return this.#segment;
    if (!place) throw this.#tooOld();
    await this.close();
    try {
      const handle = await open(place.path, 'r');
      this.#segment = { handle, firstCursor: place.firstCursor, position: 0, rest: Buffer.alloc(0) };
      return this.#segment;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw this.#tooOld();
      throw error;
    }
  }

  async #readPiece(segment: OpenSegment): Promise<JournalLine[]> {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await segment.handle.read(chunk, 0, CHUNK_BYTES, segment.position);
    // A segment that was dropped while it was read ends here, and the entries after it may be gone too.
    if (bytesRead === 0 && !segment.rest.includes(0x0a)) throw this.#tooOld();
    segment.position += bytesRead;
    const data = Buffer.concat([segment.rest, chunk.subarray(0, bytesRead)]);
    const end = data.lastIndexOf(0x0a) + 1;
    segment.rest = Buffer.from(data.subarray(end));
    return this.#take(data.toString('utf8', 0, end), segment);
  }

  #take(text: string, segment: OpenSegment): JournalLine[] {
    const lines: JournalLine[] = [];
    let taken = 0;
    for (const json of text.split('\n')) {
      const cursor = json === '' ? undefined : lineCursor(json);
      if (cursor === undefined) continue;
      if (cursor > this.#journal.lastCursor) {
        // Not visible yet: comes again with the next piece.
        segment.rest = Buffer.concat([Buffer.from(text.slice(taken)), segment.rest]);
        break;
      }
      taken += json.length + 1;
      if (cursor <= this.#after) continue;
      lines.push({ cursor, json });
      this.#after = cursor;
    }
    return lines;
  }

  #tooOld(): BoxError {
    return new BoxError(
      410,
      'CURSOR_TOO_OLD',
      `Events after ${this.#after} were dropped; the oldest left is ${this.#journal.firstCursor}: read after ${this.#journal.firstCursor - 1}`,
    );
  }
}

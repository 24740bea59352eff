import type { BoxEventBody } from '@banata/protocol/box';
import { mkdirSync, readdirSync } from 'node:fs';
import { open, readFile, rm, stat, truncate, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isDiskFull } from '../limits/disk-full.ts';
import type { EventSink } from '../services.ts';
import { JournalReader } from './journal-reader.ts';
import { segmentCursor, segmentName, wholeLines } from './segment.ts';

export interface JournalOptions {
  directory: string;
  /** A new file is begun when the last one is this long. Default 4 MiB. */
  segmentBytes?: number;
  /** The oldest files go when all together are longer. Default 64 MiB. */
  totalBytes?: number;
  /** Called when the disk is full; the entries are then tried once more. */
  makeRoom?: () => Promise<void>;
}

/** Longest entry, bytes. */
const MAX_ENTRY_BYTES = 4 * 1024 * 1024;

interface Segment {
  firstCursor: number;
  bytes: number;
}

interface Waiting {
  line: Buffer;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The box's journal: numbered lines of JSON in files of bounded size. Entries that arrive while the disk is busy
 * are written and synced together. Text deltas are not synced, since a later `agent.part` repeats them.
 */
export class Journal implements EventSink {
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #totalBytes: number;
  readonly #makeRoom: (() => Promise<void>) | undefined;
  #segments: Segment[] = [];
  #handle: FileHandle | undefined;
  #assigned = 0;
  #visible = 0;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | undefined;
  #failure: unknown;
  readonly #listeners = new Set<() => void>();

  constructor({
    directory,
    segmentBytes = 4 * 1024 * 1024,
    totalBytes = 64 * 1024 * 1024,
    makeRoom,
  }: JournalOptions) {
    this.#makeRoom = makeRoom;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#totalBytes = totalBytes;
  }

  /** Finds the end of what was written before, and cuts off what a crash left half-written. */
  async open(): Promise<void> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const cursors = readdirSync(this.#directory)
      .flatMap((name) => segmentCursor(name) ?? [])
      .sort((a, b) => a - b);
    this.#segments = await Promise.all(
      cursors.map(async (firstCursor) => ({
        firstCursor,
        bytes: (await stat(this.#path(firstCursor))).size,
      })),
    );
    const last = this.#segments.at(-1);
    if (!last) return;
    const whole = wholeLines(await readFile(this.#path(last.firstCursor)), last.firstCursor);
    if (whole.length < last.bytes) await truncate(this.#path(last.firstCursor), whole.length);
    last.bytes = whole.length;
    this.#assigned = whole.lastCursor;
    this.#visible = whole.lastCursor;
  }

  /** Cursor of the newest entry, which readers may not see yet; 0 before the first. */
  get newestCursor(): number {
    return this.#assigned;
  }

  /** Cursor of the newest entry that readers see; 0 before the first. */
  get lastCursor(): number {
    return this.#visible;
  }

  /** Cursor of the oldest entry that is still there. */
  get firstCursor(): number {
    return this.#segments[0]?.firstCursor ?? 1;
  }

  append(body: BoxEventBody): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const cursor = this.#assigned + 1;
    const line = Buffer.from(`${JSON.stringify({ cursor, at: Date.now(), body })}\n`);
    if (line.length > MAX_ENTRY_BYTES) {
      return Promise.reject(
        new RangeError(`A ${body.type} event of ${line.length} bytes is too long for the journal`),
      );
    }
    this.#assigned = cursor;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, resolve, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** A reader from just after a cursor. The caller closes it. */
  read(after: number): JournalReader {
    return new JournalReader(this, after);
  }

  /** Calls back after every batch that readers can see; returns how to stop it. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Path of the segment that holds this cursor, and the cursor the segment begins with. */
  locate(cursor: number): { path: string; firstCursor: number } | undefined {
    const segment = this.#segments.findLast(({ firstCursor }) => firstCursor <= cursor);
    return segment && { path: this.#path(segment.firstCursor), firstCursor: segment.firstCursor };
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#flushing;
    this.#failure ??= new Error('The journal is closed');
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #flush(): Promise<void> {
    // Lets the appends of this turn of the event loop share one write.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#writeOrMakeRoom(batch);
      } catch (error) {
        await this.#fail(error, batch);
        continue;
      }
      for (const entry of batch) entry.resolve();
      for (const listener of this.#listeners) listener();
    }
    this.#flushing = undefined;
  }

  async #writeOrMakeRoom(batch: readonly Waiting[]): Promise<void> {
    const visible = this.#visible;
    try {
      await this.#write(batch);
    } catch (error) {
      if (!this.#makeRoom || !isDiskFull(error) || this.#visible !== visible) throw error;
      await this.#makeRoom();
      // What of the batch was written is written again.
      await this.#handle?.truncate(this.#segments.at(-1)?.bytes ?? 0);
      await this.#write(batch);
    }
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const { handle, segment } = await this.#openLast();
    const data = Buffer.concat(batch.map(({ line }) => line));
    await handle.appendFile(data);
    segment.bytes += data.length;
    this.#visible += batch.length;
    if (segment.bytes >= this.#segmentBytes) await this.#rotate(handle);
  }

  async #rotate(handle: FileHandle): Promise<void> {
    await handle.close();
    this.#handle = undefined;
    this.#segments.push({ firstCursor: this.#visible + 1, bytes: 0 });
    let total = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
    while (total > this.#totalBytes && this.#segments.length > 2) {
      const oldest = this.#segments.shift();
      if (!oldest) break;
      total -= oldest.bytes;
      await rm(this.#path(oldest.firstCursor), { force: true });
    }
  }

  async #openLast(): Promise<{ handle: FileHandle; segment: Segment }> {
    if (this.#segments.length === 0) this.#segments.push({ firstCursor: this.#visible + 1, bytes: 0 });
    const segment = this.#segments.at(-1);
    if (!segment) throw new Error('The journal has no segment');
    this.#handle ??= await open(this.#path(segment.firstCursor), 'a', 0o600);
    return { handle: this.#handle, segment };
  }

  /** Refuses what was not written, and goes back to the last entry that readers may have seen. */
  async #fail(error: unknown, batch: readonly Waiting[]): Promise<void> {
    const refused = [...batch, ...this.#waiting];
    this.#waiting = [];
    this.#assigned = this.#visible;
    const last = this.#segments.at(-1);
    try {
      if (this.#handle && last) await this.#handle.truncate(last.bytes);
    } catch (cause) {
      // Nobody knows now what the file holds; only opening the journal again tells.
      this.#failure = new Error('The journal could not be written nor repaired', { cause });
    }
    const reason = new Error('The journal could not be written', { cause: error });
    for (const entry of [...refused, ...this.#waiting.splice(0)]) entry.reject(reason);
    this.#assigned = this.#visible;
  }

  #path(firstCursor: number): string {
    return join(this.#directory, segmentName(firstCursor));
  }
}

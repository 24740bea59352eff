import { mkdirSync, readdirSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { RUNNING_PREFIX } from './output-file.ts';

/** Whole outputs that lie ready for their reader; the oldest go first. */
const MAX_KEPT_FILES = 32;
/** Of streams that are as long as they may be. */
const KEPT_STREAMS = 4;
/** Room for what a cut stream says at its end. */
const NOTE_BYTES = 1024;

interface Kept {
  name: string;
  bytes: number;
}

/** The directory of output files: its leftovers from before and its bound. */
export class KeptOutputs {
  readonly directory: string;
  readonly #maxFiles: number;
  readonly #streamBytes: () => number;
  #kept: Kept[] = [];

  /** @param options `streamBytes`: what is kept of one stream; {@link KEPT_STREAMS} as long lie here at most. */
  constructor(options: { directory: string; maxFiles?: number; streamBytes: () => number }) {
    this.directory = options.directory;
    this.#maxFiles = options.maxFiles ?? MAX_KEPT_FILES;
    this.#streamBytes = options.streamBytes;
  }

  /** Makes the directory and resolves with the ids of commands that were running when the last daemon ended. */
  async open(): Promise<string[]> {
    // Others may pass through with the name of a file of theirs, but not list.
    mkdirSync(this.directory, { recursive: true, mode: 0o711 });
    // Names begin with the time, so their order is that of the commands.
    const names = readdirSync(this.directory).sort();
    const running = names.filter((name) => name.startsWith(RUNNING_PREFIX));
    await Promise.all(running.map((name) => this.#remove(name)));
    await this.add(names.filter((name) => !name.startsWith(RUNNING_PREFIX)));
    const ids = running.map((name) => name.slice(RUNNING_PREFIX.length).replace(/\.\w+$/, ''));
    return [...new Set(ids)];
  }

  /** Counts files that were kept, and removes the oldest that are too many. */
  async add(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const name = basename(path);
      this.#kept.push({ name, bytes: (await stat(join(this.directory, name))).size });
    }
    let total = this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
    // The note at the end of a stream that was cut is on top.
    const most = KEPT_STREAMS * (this.#streamBytes() + NOTE_BYTES);
    while (this.#kept.length > this.#maxFiles || total > most) {
      const oldest = this.#kept.shift();
      if (!oldest) break;
      total -= oldest.bytes;
      await this.#remove(oldest.name);
    }
  }

  async #remove(name: string): Promise<void> {
    await rm(join(this.directory, name), { force: true });
  }
}

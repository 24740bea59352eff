import { opendirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Files that are looked at; a folder with more has them reported in no order. */
const MAX_FILES = 2000;
/** How Chromium names what it has not finished. */
const UNFINISHED = '.crdownload';

/** Tells of the files that the browser has put into its downloads folder since it was asked last. */
export class DownloadNotes {
  readonly #folder: string;
  readonly #ownUid: number;
  /** Name → what was last told of it. */
  #told: Map<string, string>;

  /**
   * What lies in the folder now is not new.
   * @param ownUid whose files are no downloads: the browser has an account of its own.
   */
  constructor(folder: string, ownUid: number) {
    this.#folder = folder;
    this.#ownUid = ownUid;
    this.#told = new Map(this.#files().map(({ name, state }) => [name, state]));
  }

  /** A text for the model about what is new; null for nothing. Says it once. */
  take(): string | null {
    const files = this.#files();
    const fresh = files.filter(({ name, state }) => this.#told.get(name) !== state);
    this.#told = new Map(files.map(({ name, state }) => [name, state]));
    const lines = fresh.map(({ name, size }) => {
      const path = JSON.stringify(join(this.#folder, name));
      return name.endsWith(UNFINISHED)
        ? `- A download is under way: ${path}`
        : `- A download was saved as ${path} (${size} bytes)`;
    });
    return lines.length === 0 ? null : `### Downloads\n${lines.join('\n')}`;
  }

  #files(): { name: string; size: number; state: string }[] {
    const found: { name: string; size: number; state: string }[] = [];
    try {
      using folder = opendirSync(this.#folder);
      for (let count = 0; count < MAX_FILES; count += 1) {
        const entry = folder.readSync();
        if (entry === null) break;
        if (!entry.isFile()) continue;
        const info = statSync(join(this.#folder, entry.name), { throwIfNoEntry: false });
        if (info === undefined || info.uid === this.#ownUid) continue;
        const { name } = entry;
        // One that grows is told of once.
        const state = name.endsWith(UNFINISHED) ? 'under way' : `${info.mtimeMs} ${info.size}`;
        found.push({ name, size: info.size, state });
      }
    } catch {
      // No folder, no downloads: the browser is in another box, or has not begun one.
    }
    return found;
  }
}

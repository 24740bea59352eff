import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Notes which temporary files are being written, so that the next worker removes those of one that was killed. */
export class PendingFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Removes what the last worker left half-written. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const id of await readdir(this.#directory)) {
      await rm(await readFile(join(this.#directory, id), 'utf8'), { force: true });
      await this.remove(id);
    }
  }

  async add(id: string, path: string): Promise<void> {
    await writeFile(join(this.#directory, id), path, { flag: 'wx' });
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#directory, id), { force: true });
  }
}

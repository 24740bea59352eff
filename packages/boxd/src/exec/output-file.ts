import { constants } from 'node:fs';
import { open, rename, rm, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isDiskFull } from '../limits/disk-full.ts';
import { isGvisor } from '../limits/watchdog.ts';
import type { Account } from '../services.ts';
import { headAsText } from './truncate.ts';

function discardNote(maxBytes: number): string {
  return `\n[banata: output beyond ${maxBytes / 1024 / 1024} MiB was discarded]\n`;
}

/** Prefix of files whose command has not been answered yet. */
export const RUNNING_PREFIX = 'run-';

/**
 * A file that takes one output stream of a command. A file, not a pipe: a reply need not wait for background
 * processes that inherited the stream, they survive the daemon, and `/dev/stdout` can be opened again.
 */
export class OutputFile {
  readonly directory: string;
  readonly #name: string;
  readonly #handle: FileHandle;
  readonly #maxBytes: number;
  #discarded = false;
  #unlinkAtClose = false;

  private constructor(directory: string, name: string, handle: FileHandle, maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.directory = directory;
    this.#name = name;
    this.#handle = handle;
  }

  /**
   * Creates the file, owned by the account that writes it.
   * @param place folder, and what of the stream is kept there.
   */
  static async create(
    { directory, maxBytes }: { directory: string; maxBytes: number },
    name: string,
    account: Account,
  ): Promise<OutputFile> {
    const { O_APPEND, O_CREAT, O_EXCL, O_RDWR } = constants;
    const path = join(directory, RUNNING_PREFIX + name);
    const handle = await open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL, 0o600);
    try {
      if (account.uid !== process.getuid?.()) await handle.chown(account.uid, account.gid);
    } catch (error) {
      await handle.close();
      await rm(path, { force: true });
      throw error;
    }
    return new OutputFile(directory, name, handle, maxBytes);
  }

  /** Descriptor for the child. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** True when output was thrown away because the file was full. */
  get discarded(): boolean {
    return this.#discarded;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /**
   * Cuts the file to `limitBytes`, or to what is kept at most: the writer appends, so it goes on at the new end.
   * @returns the size that is left.
   */
  async enforceLimit(limitBytes = this.#maxBytes): Promise<number> {
    const maxBytes = Math.min(limitBytes, this.#maxBytes);
    const size = await this.size();
    if (size <= maxBytes) return size;
    this.#discarded = true;
    await this.#handle.truncate(maxBytes);
    return maxBytes;
  }

  /** Reads up to `buffer.length` bytes; resolves with their number, 0 at the present end. */
  async read(buffer: Buffer, position: number): Promise<number> {
    return (await this.#handle.read(buffer, 0, buffer.length, position)).bytesRead;
  }

  /** The first `maxBytes` bytes of a file of this size, as text. */
  async head(size: number, maxBytes: number): Promise<string> {
    // One byte more than is kept tells whether the cut falls between two characters.
    const buffer = Buffer.alloc(Math.min(size, maxBytes + 1));
    let length = 0;
    while (length < buffer.length) {
      const read = await this.read(buffer.subarray(length), length);
      if (read === 0) break;
      length += read;
    }
    return headAsText(buffer.subarray(0, length), maxBytes);
  }

  /** Keeps the file for its reader and resolves with its path. */
  async keep(): Promise<string> {
    await this.enforceLimit();
    if (this.#discarded) {
      await this.#handle.appendFile(discardNote(this.#maxBytes)).catch((error: unknown) => {
        // The file is good without it.
        if (!isDiskFull(error)) throw error;
      });
    }
    const path = join(this.directory, this.#name);
    await rename(join(this.directory, RUNNING_PREFIX + this.#name), path);
    return path;
  }

  /**
   * Removes the name; writers and this object go on with the nameless file. In gVisor the name goes with the last of
   * them: a box that has a nameless file open cannot be put on disk with its memory.
   */
  async unlink(): Promise<void> {
    if (isGvisor()) this.#unlinkAtClose = true;
    else await this.#removeName();
  }

  async #removeName(): Promise<void> {
    // Not `rm`, which looks twice before it removes: a reply waits for this.
    await unlink(join(this.directory, RUNNING_PREFIX + this.#name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#unlinkAtClose) await this.#removeName();
  }
}

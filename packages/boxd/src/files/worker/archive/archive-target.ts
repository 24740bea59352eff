import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PendingFiles } from '../pending-files.ts';
import { writeBatches } from '../write-batches.ts';
import { entryPath, refuseEntry } from './archive-path.ts';

/** Only permissions are taken from an archive: no setuid, setgid or sticky bit. */
const PERMISSIONS = 0o777;
const FOLDER_MODE = 0o755;
/** Bits that the umask of the worker would take away. */
const MASKED = 0o022;
/** Folders that are remembered as looked at. */
const MAX_REMEMBERED = 20_000;
const EXCLUSIVE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

interface FileAttributes {
  mode: number;
  mtime: Date;
}

/**
 * Where an archive is unpacked. Nothing is written through a symbolic link, whether the archive made it or it was
 * there: each folder on the way is looked at, and what lies at an entry's own path is replaced, not followed.
 *
 * File operations on small files are synchronous: each takes microseconds, the way through the thread pool many times
 * that, and archives hold many small files.
 */
export class ArchiveTarget {
  readonly #root: string;
  readonly #pending: PendingFiles;
  readonly #folders = new Set<string>();
  readonly #folderModes = new Map<string, number>();

  /** @param root a directory that is there. */
  constructor(root: string, pending: PendingFiles) {
    this.#root = root;
    this.#pending = pending;
  }

  makeFolder(name: string, mode: number): void {
    const parts = entryPath(name);
    if (parts.length === 0) return;
    const path = this.#walk(parts, name);
    // The archive may write into a folder that it leaves closed to writing: its mode comes last.
    if ((mode & PERMISSIONS) !== FOLDER_MODE) this.#folderModes.set(path, mode & PERMISSIONS);
  }

  writeSmall(name: string, content: Buffer, { mode, mtime }: FileAttributes): void {
    const path = this.#place(name);
    const bits = mode & PERMISSIONS;
    const fd = this.#replacing(path, name, () => openSync(path, EXCLUSIVE, bits));
    try {
      for (let offset = 0; offset < content.length;) offset += writeSync(fd, content, offset);
      if ((bits & MASKED) !== 0) fchmodSync(fd, bits);
      futimesSync(fd, mtime, mtime);
    } catch (error) {
      unlinkSync(path);
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** Through a temporary file, so that one that is cut off leaves nothing. */
  async writeLarge(
    name: string,
    content: AsyncIterable<Uint8Array>,
    { mode, mtime }: FileAttributes,
  ): Promise<void> {
    const path = this.#place(name);
    const id = randomBytes(9).toString('hex');
    const temporary = join(dirname(path), `.banata-${id}.tmp`);
    await this.#pending.add(id, temporary);
    try {
      const handle = await open(temporary, EXCLUSIVE, 0o600);
      try {
        await writeBatches(handle, content);
        await handle.chmod(mode & PERMISSIONS);
        await handle.utimes(mtime, mtime);
      } finally {
        await handle.close();
      }
      this.#refuseFolder(path, name);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await this.#pending.remove(id);
    }
  }

  /** A symbolic link is made as it is, wherever it leads: it is never followed here. */
  makeSymlink(name: string, target: string): void {
    if (target === '' || target.includes('\0')) throw refuseEntry(name, 'is a link to nothing');
    const path = this.#place(name);
    this.#replacing(path, name, () => symlinkSync(target, path));
  }

  /** A hard link to a regular file below the root. */
  makeLink(name: string, target: string): void {
    const parts = entryPath(target, name);
    const to = join(this.#root, ...parts);
    for (let depth = 1; depth < parts.length; depth += 1) {
      const stats = look(join(this.#root, ...parts.slice(0, depth)));
      if (!stats?.isDirectory()) throw refuseEntry(name, 'is a hard link through what is no folder');
    }
    if (!look(to)?.isFile()) throw refuseEntry(name, 'is a hard link to what is no file of the folder');
    const path = this.#place(name);
    if (path === to) throw refuseEntry(name, 'is a hard link to itself');
    this.#replacing(path, name, () => linkSync(to, path));
  }

  /** Gives folders the modes that they have in the archive. */
  finish(): void {
    for (const [path, mode] of [...this.#folderModes].reverse()) {
      if (look(path)?.isDirectory()) chmodSync(path, mode);
    }
  }

  /** The path of an entry whose parents are there. */
  #place(name: string): string {
    const parts = entryPath(name);
    const last = parts.at(-1);
    if (last === undefined) throw refuseEntry(name, 'has no name');
    return join(this.#walk(parts.slice(0, -1), name), last);
  }

  #walk(parts: readonly string[], name: string): string {
    const known = join(this.#root, ...parts);
    if (this.#folders.has(known)) return known;
    let path = this.#root;
    for (const part of parts) {
      path = join(path, part);
      if (!this.#folders.has(path)) this.#enter(path, name);
    }
    return path;
  }

  #enter(path: string, name: string): void {
    const stats = look(path);
    if (!stats) mkdirSync(path, FOLDER_MODE);
    else if (stats.isSymbolicLink()) throw refuseEntry(name, `leads through the symbolic link ${path}`);
    else if (!stats.isDirectory()) throw refuseEntry(name, `leads through ${path}, which is no folder`);
    if (this.#folders.size >= MAX_REMEMBERED) this.#folders.clear();
    this.#folders.add(path);
  }

  /** Makes something at a path, in the place of what is there. */
  #replacing<T>(path: string, name: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    this.#refuseFolder(path, name);
    unlinkSync(path);
    return make();
  }

  #refuseFolder(path: string, name: string): void {
    if (look(path)?.isDirectory()) throw refuseEntry(name, 'would replace a folder by something else');
  }
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';

import { DriverError } from '../driver.ts';
import type { RestoredContents } from '../lasting.ts';
import type { RunCommand } from './command.ts';
import { packDisk, unpackDisk } from './disk-archive.ts';
import { isMissing, makeFolder, namesIn, readIfPresent } from './files.ts';
import { IMAGE_NOTE, layersOfDisk } from './image-note.ts';
import type { DiskFiles, Pool } from './pool.ts';
import type { OciPaths } from './settings.ts';

const NAME = /^[a-z0-9]{32}$/;
/** Ending of what is not whole yet. */
const DRAFT = '.draft';
/** A snapshot first writes out what the box wrote and is still in memory. */
const SNAPSHOT_TIMEOUT_MS = 120_000;
const COPY_TIMEOUT_MS = 600_000;

export interface DiskCopiesOptions {
  run: RunCommand;
  paths: OciPaths;
  pool: Pool;
  lockFd: number;
  imageLayers: string[];
  /** Files of a disk that are the host's to say. */
  diskFiles: DiskFiles;
  /** Most that an imported copy may hold, bytes. */
  mostBytes: number;
}

/** What a disk made from a copy got of it. */
export interface DiskContents {
  restored: RestoredContents;
  layers: string[];
}

/** Copies of boxes' disks: read-only snapshots beside them. A snapshot under its own name is whole. */
export class DiskCopies {
  readonly #options: DiskCopiesOptions;

  constructor(options: DiskCopiesOptions) {
    this.#options = options;
  }

  /** Makes the folder, and removes what was being brought in when an earlier run ended. */
  async open(): Promise<void> {
    const { checkpoints } = this.#options.paths;
    await makeFolder(checkpoints, 0o700);
    for (const name of await namesIn(checkpoints)) if (name.endsWith(DRAFT)) await this.#delete(name);
  }

  #path(name: string): string {
    if (!NAME.test(name)) {
      throw new DriverError(
        'DRIVER_FAILURE',
        `The checkpoint name "${name}" is not valid: give 32 lowercase letters or digits.`,
      );
    }
    return path.join(this.#options.paths.checkpoints, name);
  }

  async #btrfs(args: string[], timeoutMs = SNAPSHOT_TIMEOUT_MS): Promise<string> {
    return await this.#options.run('btrfs', args, { timeoutMs });
  }

  /** Copies a disk as it is at one instant; all that was written to its files before is in the copy. */
  async create(disk: string, name: string): Promise<{ bytes: number }> {
    const copy = this.#path(name);
    await this.#options.pool.checkRoom();
    const note = path.join(disk, IMAGE_NOTE);
    // Disks from before there was a note: nobody knows any more what their writable layer belongs on.
    if (!(await exists(note))) await writeFile(note, '{}\n', { mode: 0o644 });
    await this.#btrfs(['subvolume', 'snapshot', '-r', disk, copy]);
    return { bytes: await this.#bytes(copy) };
  }

  async #bytes(copy: string): Promise<number> {
    const group = await this.#btrfs(['qgroup', 'show', '--raw', '-f', copy]);
    return Number(/^0\/\d+\s+(\d+)\s/m.exec(group)?.[1] ?? 0);
  }

  async list(): Promise<string[]> {
    return (await namesIn(this.#options.paths.checkpoints)).filter((name) => NAME.test(name));
  }

  async delete(name: string): Promise<void> {
    this.#path(name);
    await this.#delete(name);
  }

  async #delete(entry: string): Promise<void> {
    const folder = path.join(this.#options.paths.checkpoints, entry);
    if (!(await exists(folder))) return;
    try {
      await this.#btrfs(['subvolume', 'delete', folder]);
    } catch (error) {
      if (await exists(folder)) throw error;
    }
  }

  export(name: string, signal: AbortSignal): Readable {
    return packDisk(this.#path(name), { lockFd: this.#options.lockFd, signal });
  }

  async import(name: string, contents: Readable, signal: AbortSignal): Promise<void> {
    const copy = this.#path(name);
    const { pool, lockFd, mostBytes } = this.#options;
    const draft = `${copy}${DRAFT}`;
    try {
      await pool.checkRoom();
      await this.#delete(path.basename(draft));
      await this.#btrfs(['subvolume', 'create', draft]);
      await this.#btrfs(['qgroup', 'limit', String(mostBytes), draft]);
      await unpackDisk(contents, draft, { lockFd, signal });
      // Not read-only, as a read-only subvolume cannot be renamed; nothing ever writes to it.
      if (!(await exists(copy))) await rename(draft, copy);
    } finally {
      contents.destroy();
      await this.#delete(path.basename(draft));
    }
  }

  /**
   * Puts what a copy holds into the disk of a box that is about to be started.
   * @throws {@link DriverError} when there is no such copy.
   */
  async fill(disk: { name: string; bytes: number }, from: string): Promise<DiskContents> {
    const { pool, imageLayers } = this.#options;
    const copy = this.#path(from);
    if (!(await exists(copy)))
      throw new DriverError('DRIVER_FAILURE', `There is no checkpoint ${from} on this host.`);
    const layers = await layersOfDisk(copy, imageLayers);
    const target = pool.diskPath(disk.name);
    if (!layers) {
      await rm(path.join(target, 'workspace'), { recursive: true });
      const copied = ['--archive', '--reflink=auto', `${copy}/workspace`, `${target}/workspace`];
      await this.#options.run('cp', copied, { timeoutMs: COPY_TIMEOUT_MS });
      return { restored: 'workspace', layers: imageLayers };
    }
    await pool.deleteDisk(disk.name);
    await this.#btrfs(['subvolume', 'snapshot', copy, target]);
    await pool.limitDisk(disk.name, disk.bytes);
    await this.renew(target);
    return { restored: 'all', layers };
  }

  /** Makes a disk that was in use before fit to be mounted again: the kernel marks an overlay's folder of work. */
  async renew(disk: string): Promise<void> {
    const work = path.join(disk, 'work');
    await rm(work, { recursive: true, force: true });
    await Promise.all([
      mkdir(work, { mode: 0o755 }),
      ...Object.entries(this.#options.diskFiles).map(([file, text]) =>
        this.#renewFile(path.join(disk, file), text),
      ),
    ]);
  }

  /** Left alone where it says the same: gVisor finds the files it had open by what they are. */
  async #renewFile(file: string, text: string): Promise<void> {
    if ((await readIfPresent(file)) !== text) await writeFile(file, text, { mode: 0o644 });
  }
}

async function exists(folder: string): Promise<boolean> {
  try {
    await stat(folder);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

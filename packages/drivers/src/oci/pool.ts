import { chmod, chown, mkdir, open, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { DriverError } from '../driver.ts';
import { CommandError } from './command.ts';
import type { RunCommand } from './command.ts';
import { isMissing, makeFolder, namesIn } from './files.ts';
import { readMountTable } from './kernel/mount-table.ts';
import type { Logger } from './logger.ts';
import type { OciPaths } from './settings.ts';

/** Id of `user` in the image, who owns /workspace. */
const WORKSPACE_OWNER = 1000;
/** Beside the pool itself this much stays free on the host's disk. */
const HOST_RESERVE_BYTES = 512 * 1024 * 1024;
/** A pool that is reserved unasked leaves this share of the host's disk free. */
const HOST_RESERVE_SHARE = 0.2;
/** With less than this free in the pool no box is begun: those that run need it. */
const POOL_RESERVE_SHARE = 0.02;
const MINIMUM_POOL_BYTES = 256 * 1024 * 1024;

export interface PoolOptions {
  run: RunCommand;
  paths: OciPaths;
  bytes: number;
  /** `auto`: where the host's disk has room to spare. */
  reserve: boolean | 'auto';
  logger: Logger;
}

/** Files that a new disk holds beside the writable layer: name below the disk's folder, text. */
export type DiskFiles = Record<string, string>;

/**
 * What boxes write: a btrfs file system in one file, a subvolume with a limit for each box. A subvolume holds the
 * overlay's `upper` and `work`, and `workspace`, so that one snapshot catches a box whole.
 */
export class Pool {
  readonly #options: PoolOptions;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Makes the pool when there is none, and mounts it when it is not mounted. */
  async open(): Promise<void> {
    const { paths } = this.#options;
    await makeFolder(paths.pool, 0o700);
    if (!(await this.#isMounted())) await this.#makeAndMount();
    await this.#dropStaleLimits();
  }

  async #makeAndMount(): Promise<void> {
    const { paths, logger } = this.#options;
    if (!(await this.#exists())) await this.#format();
    const reserved = await this.#reserve(paths.poolFile);
    // A reserved pool must not hand its blocks back to the host's file system.
    const discard = reserved ? 'nodiscard' : 'discard=async';
    await this.#mount(`loop,noatime,compress=zstd:1,${discard}`);
    await this.#options.run('btrfs', ['quota', 'enable', paths.pool], { timeoutMs: 30_000 });
    await makeFolder(paths.disks, 0o711);
    logger.info({ pool: paths.poolFile }, 'pool mounted');
  }

  /** Before Linux 6.10 or so, the limit of a subvolume stays when the subvolume is deleted. */
  async #dropStaleLimits(): Promise<void> {
    const { paths, run, logger } = this.#options;
    try {
      const limits = await run('btrfs', ['qgroup', 'show', '--raw', paths.pool]);
      const subvolumes = await run('btrfs', ['subvolume', 'list', paths.pool]);
      for (const group of staleLimits(limits, subvolumes))
        await run('btrfs', ['qgroup', 'destroy', group, paths.pool]);
    } catch (error) {
      // They cost a little memory and nothing else.
      logger.warn({ err: error }, 'limits of deleted disks could not be dropped');
    }
  }

  async #mount(options: string): Promise<void> {
    const { paths } = this.#options;
    try {
      await this.#options.run('mount', ['-t', 'btrfs', '-o', options, paths.poolFile, paths.pool], {
        timeoutMs: 60_000,
      });
    } catch (cause) {
      throw new DriverError(
        'HOST_UNSUITABLE',
        `The pool ${paths.poolFile} cannot be mounted. The kernel must have btrfs and a free loop device; ` +
          'when the file is damaged, move it away and start again.',
        { cause },
      );
    }
  }

  async #isMounted(): Promise<boolean> {
    const { pool } = this.#options.paths;
    return (await readMountTable()).some((entry) => entry.mountPoint === pool && entry.type === 'btrfs');
  }

  async #exists(): Promise<boolean> {
    try {
      return (await stat(this.#options.paths.poolFile)).isFile();
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async #format(): Promise<void> {
    const { paths, bytes } = this.#options;
    if (bytes < MINIMUM_POOL_BYTES) {
      throw new DriverError(
        'HOST_UNSUITABLE',
        `The pool of ${bytes} bytes is too small: give at least ${MINIMUM_POOL_BYTES}.`,
      );
    }
    if (this.#options.reserve === true) await this.#checkSpace(bytes);
    const temporary = `${paths.poolFile}.new`;
    await rm(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.truncate(bytes);
    } finally {
      await file.close();
    }
    await this.#reserve(temporary);
    // One copy of metadata: the second would be on the same disk of the host, and would not count for any box's limit.
    const options = ['-q', '--nodiscard', '--metadata', 'single'];
    await this.#options.run('mkfs.btrfs', [...options, temporary], { timeoutMs: 60_000 });
    await rename(temporary, paths.poolFile);
  }

  /**
   * Allots the file's space on the host's disk where that is wanted and it is not there yet.
   * @returns whether the file has all its space.
   */
  async #reserve(file: string): Promise<boolean> {
    const { reserve, run, logger } = this.#options;
    const { size, blocks } = await stat(file);
    const lacking = size - blocks * 512;
    if (reserve === false || lacking <= 0) return lacking <= 0;
    if (reserve === 'auto' && !(await this.#hasRoomToSpare(lacking))) {
      logger.warn(
        { pool: file, lackingBytes: lacking },
        'the disk of the host has no room to spare for the whole pool: boxes cannot write once it is full',
      );
      return false;
    }
    await this.#checkSpace(lacking);
    await run('fallocate', ['--length', String(size), file], { timeoutMs: 120_000 });
    return true;
  }

  async #hostDisk(): Promise<{ free: number; size: number }> {
    const { bavail, blocks, bsize } = await statfs(path.dirname(this.#options.paths.poolFile));
    return { free: bavail * bsize, size: blocks * bsize };
  }

  async #hasRoomToSpare(bytes: number): Promise<boolean> {
    const { free, size } = await this.#hostDisk();
    return free - bytes >= Math.max(HOST_RESERVE_BYTES, size * HOST_RESERVE_SHARE);
  }

  async #checkSpace(bytes: number): Promise<void> {
    const { free } = await this.#hostDisk();
    if (free >= bytes + HOST_RESERVE_BYTES) return;
    throw new DriverError(
      'HOST_UNSUITABLE',
      `The pool needs ${bytes} bytes at ${this.#options.paths.poolFile} and ${HOST_RESERVE_BYTES} beside it, ` +
        `and ${free} are free. Free some space, make the pool smaller, or do not reserve its space.`,
    );
  }

  /** @throws {@link DriverError} CAPACITY_EXHAUSTED when pool or host are so full that the boxes there are need the rest. */
  async checkRoom(): Promise<void> {
    const { paths } = this.#options;
    const [pool, file, host] = await Promise.all([
      statfs(paths.pool),
      stat(paths.poolFile),
      this.#hostDisk(),
    ]);
    if (pool.bavail < pool.blocks * POOL_RESERVE_SHARE) {
      throw new DriverError(
        'CAPACITY_EXHAUSTED',
        'The pool of box disks is nearly full. End boxes, or make the pool larger.',
      );
    }
    const reserved = file.blocks * 512 >= file.size;
    if (!reserved && host.free < HOST_RESERVE_BYTES) {
      throw new DriverError(
        'CAPACITY_EXHAUSTED',
        `The disk of the host has ${host.free} bytes left, and ${HOST_RESERVE_BYTES} is the least for another box. ` +
          'Free some space there.',
      );
    }
  }

  /** Folder of a disk on the host. */
  diskPath(name: string): string {
    return path.join(this.#options.paths.disks, name);
  }

  /** Makes a disk of at most `bytes`, with the given files beside its writable layer. */
  async createDisk(name: string, bytes: number, files: DiskFiles): Promise<void> {
    const disk = this.diskPath(name);
    try {
      await this.#options.run('btrfs', ['subvolume', 'create', disk], { timeoutMs: 30_000 });
      await this.limitDisk(name, bytes);
      const workspace = path.join(disk, 'workspace');
      await Promise.all([
        chmod(disk, 0o711),
        mkdir(path.join(disk, 'upper'), { mode: 0o755 }),
        mkdir(path.join(disk, 'work'), { mode: 0o755 }),
        mkdir(workspace, { mode: 0o755 }),
        ...Object.entries(files).map(([file, text]) =>
          writeFile(path.join(disk, file), text, { mode: 0o644 }),
        ),
      ]);
      await chown(workspace, WORKSPACE_OWNER, WORKSPACE_OWNER);
    } catch (error) {
      await this.deleteDisk(name);
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): unknown {
    if (!/No space left|Disk quota exceeded|ENOSPC/.test(String(error))) return error;
    return new DriverError(
      'CAPACITY_EXHAUSTED',
      'The pool of box disks is full. End boxes, or make the pool larger.',
      {
        cause: error,
      },
    );
  }

  /** Sets how much a disk may hold, bytes; what it holds already counts. */
  async limitDisk(name: string, bytes: number): Promise<void> {
    await this.#options.run('btrfs', ['qgroup', 'limit', String(bytes), this.diskPath(name)], {
      timeoutMs: 30_000,
    });
  }

  /** Bytes each disk holds, by name. The file system counts them when it writes to disk, twice a minute at least. */
  async diskUsage(): Promise<Map<string, number>> {
    const { paths, run } = this.#options;
    const [groups, subvolumes] = await Promise.all([
      run('btrfs', ['qgroup', 'show', '--raw', paths.pool], { timeoutMs: 10_000 }),
      run('btrfs', ['subvolume', 'list', paths.pool], { timeoutMs: 10_000 }),
    ]);
    return diskUsage(groups, subvolumes);
  }

  /** Deletes a disk with all it holds. Nothing happens when there is none. */
  async deleteDisk(name: string): Promise<void> {
    const disk = this.diskPath(name);
    try {
      await this.#options.run('btrfs', ['subvolume', 'delete', disk], { timeoutMs: 60_000 });
    } catch (error) {
      try {
        await stat(disk);
      } catch (missing) {
        if (isMissing(missing)) return;
      }
      throw error;
    }
  }

  /** Names of all disks. */
  async disks(): Promise<string[]> {
    return await namesIn(this.#options.paths.disks);
  }

  /** Unmounts the pool and deletes its file. */
  async remove(): Promise<void> {
    const { paths } = this.#options;
    for (let attempt = 0; await this.#isMounted(); attempt += 1) {
      try {
        await this.#options.run('umount', [paths.pool], { timeoutMs: 60_000 });
      } catch (error) {
        // The last processes of boxes let go of their mounts a moment after they have ended.
        if (!(error instanceof CommandError) || attempt >= 50) throw error;
        await delay(100);
      }
    }
    await Promise.all([rm(paths.poolFile, { force: true }), rm(`${paths.poolFile}.new`, { force: true })]);
    await rm(paths.pool, { recursive: true, force: true });
  }
}

/** Bytes by the name of the disk. Takes the texts of `btrfs qgroup show --raw` and `btrfs subvolume list`. */
export function diskUsage(groups: string, subvolumes: string): Map<string, number> {
  const bytes = new Map(
    [...groups.matchAll(/^0\/(\d+)\s+(\d+)\s/gm)].map(([, id, used]) => [id, Number(used)]),
  );
  return new Map(
    [...subvolumes.matchAll(/^ID (\d+) .* path (?:.*\/)?([^/\n]+)$/gm)].flatMap(([, id, name]) => {
      const used = bytes.get(id);
      return used === undefined || name === undefined ? [] : [[name, used] as const];
    }),
  );
}

/** Ids of qgroups without a subvolume. Takes the texts of `btrfs qgroup show` and `btrfs subvolume list`. */
export function staleLimits(limits: string, subvolumes: string): string[] {
  // The pool's own top level has the id 5 and is not listed as a subvolume.
  const known = new Set(['5', ...[...subvolumes.matchAll(/^ID (\d+) /gm)].map(([, id]) => id)]);
  return [...limits.matchAll(/^0\/(\d+)\s/gm)].flatMap(([, id]) =>
    id === undefined || known.has(id) ? [] : [`0/${id}`],
  );
}

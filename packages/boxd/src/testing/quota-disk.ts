import { execFile } from 'node:child_process';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 20_000;
const POOL_BYTES = 512 * 1024 * 1024;

/** A folder on a file system of its own. */
export interface QuotaDisk {
  path: string;
  close(): Promise<void>;
}

/** Makes a btrfs in a file, with a subvolume that takes `bytes`. Needs root, btrfs-progs and a loop device. */
export async function createQuotaDisk(directory: string, bytes: number): Promise<QuotaDisk> {
  const pool = join(directory, 'pool');
  const image = join(directory, 'pool.img');
  const path = join(pool, 'disk');
  const tool = (name: string, ...args: string[]): Promise<unknown> =>
    run(name, args, { timeout: TIMEOUT_MS });
  const handle = await open(image, 'w');
  await handle.truncate(POOL_BYTES);
  await handle.close();
  await mkdir(pool);
  await tool('mkfs.btrfs', '-q', image);
  await tool('mount', '-o', 'loop,noatime', image, pool);
  const close = async (): Promise<void> => {
    // The kernel lets go of a container's mounts a moment after its end.
    for (let tries = 0; tries < 50; tries++) {
      if (
        await tool('umount', pool).then(
          () => true,
          () => false,
        )
      )
        return;
      await sleep(100);
    }
    await tool('umount', '-l', pool);
  };
  try {
    await tool('btrfs', 'quota', 'enable', pool);
    await tool('btrfs', 'subvolume', 'create', path);
    await tool('btrfs', 'qgroup', 'limit', String(bytes), path);
    return { path, close };
  } catch (error) {
    await close();
    throw error;
  }
}

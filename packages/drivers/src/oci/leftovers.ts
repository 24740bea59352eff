import { rm } from 'node:fs/promises';
import path from 'node:path';

import type { BoxHost } from './box-host.ts';
import type { BoxRecord } from './box-record.ts';
import type { Cgroups } from './cgroups.ts';
import { namesIn } from './files.ts';
import { readMountTable } from './kernel/mount-table.ts';
import { unmount } from './kernel/mounts.ts';
import type { Logger } from './logger.ts';
import type { Pool } from './pool.ts';
import type { Runtimes } from './runtimes.ts';
import type { SlotNamespaces } from './slot.ts';

export interface LeftoverOptions {
  boxes: BoxHost;
  cgroups: Cgroups;
  pool: Pool;
  runtimes: Runtimes;
  namespaces: SlotNamespaces;
  bundleFolder: string;
  mountFolder: string;
  logger: Logger;
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readMountTable()).filter((entry) => entry.mountPoint.startsWith(`${folder}/`));
  for (const { mountPoint } of mounts.toReversed()) unmount(mountPoint);
}

/**
 * Frees what an earlier run left on the host that belongs to none of the given boxes. It finds things by their names
 * on the host, since that run may have ended at any point.
 */
export async function freeLeftovers(kept: BoxRecord[], options: LeftoverOptions): Promise<void> {
  const { boxes, cgroups, pool, runtimes, namespaces, bundleFolder, mountFolder, logger } = options;
  const names = new Set(kept.map((record) => record.name));
  const slots = new Set(kept.map((record) => record.slot));
  const lists = await Promise.all([cgroups.boxes(), runtimes.containers(), namesIn(bundleFolder)]);
  const strange = [...new Set(lists.flat())].filter((name) => !names.has(name));
  for (const name of strange) await boxes.endProcesses(name);
  await unmountBelow(mountFolder);
  for (const slot of await namesIn(mountFolder)) {
    await rm(path.join(mountFolder, slot), { recursive: true, force: true });
  }
  const strangeSlots = (await namespaces.present()).filter((slot) => !slots.has(slot));
  for (const slot of strangeSlots) await namespaces.remove(slot);
  const strangeDisks = (await pool.disks()).filter((name) => !names.has(name));
  for (const name of strangeDisks) await pool.deleteDisk(name);
  if (strange.length + strangeSlots.length + strangeDisks.length === 0) return;
  logger.info({ boxes: strange, slots: strangeSlots, disks: strangeDisks }, 'freed what an earlier run left');
}

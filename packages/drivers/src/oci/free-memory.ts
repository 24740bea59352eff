import { readFile } from 'node:fs/promises';

import type { BoxServices } from '../driver.ts';

const MIB = 2 ** 20;
/** Memory that a waiting box takes of the host at most: the daemon, then Xvnc with Chromium, then OpenCode. */
const WAITING_BYTES = {
  none: 128 * MIB,
  browser: 640 * MIB,
  agent: 1_280 * MIB,
} as const satisfies Record<BoxServices, number>;
/** Waiting boxes leave this share of the host's memory to those that are used. */
const RESERVE_SHARE = 0.15;

/** Memory of a host, bytes. */
export interface HostMemory {
  /** What programs can still take. */
  free: number;
  total: number;
}

/** `MemAvailable` counts what the kernel can free at once: https://docs.kernel.org/filesystems/proc.html#meminfo */
export async function readHostMemory(): Promise<HostMemory> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
  return { free: bytesOf('MemAvailable'), total: bytesOf('MemTotal') };
}

/** Whether one more waiting box leaves enough to the boxes that are used. */
export function hasRoomFor(services: BoxServices, { free, total }: HostMemory): boolean {
  return free - WAITING_BYTES[services] >= total * RESERVE_SHARE;
}

import { createHash } from 'node:crypto';
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { DriverError } from '../driver.ts';
import type { Cidr } from './cidr.ts';
import { formatCidr, overlaps, parseCidr } from './cidr.ts';
import { namesIn, readIfPresent } from './files.ts';

/** Ids of one box. */
export const RANGE_SIZE = 65_536;
/** Boxes of one installation. */
export const MAX_SLOTS = 512;
/** Installations on one host. */
const BLOCKS = 63;
/** First id handed out: above what login tools and systemd-nspawn take for user namespaces (systemd.io/UIDS-GIDS). */
const FIRST_ID = 0x7000_0000;
/** The default subnets are 10.128.0.0/16 and following. */
const FIRST_SUBNET = parseCidr('10.128.0.0/16')?.first ?? 0;
const SUBNET_SIZE = 65_536;

/** What one installation has to itself on this host. */
export interface Claim {
  block: number;
  subnet: Cidr;
  /** Host id that is root in the box of slot 0. */
  firstId: number;
  /** How many boxes fit. */
  slots: number;
}

export interface ClaimRequest {
  instanceId: string;
  /** Folder all installations of this host share; must not outlive a reboot. */
  folder: string;
  /** Subnet set by the operator. */
  subnet: string | undefined;
  /** Block this installation had before. */
  previous: number | undefined;
  /** Address blocks the host already uses or routes. */
  taken: Cidr[];
}

function claimOf(block: number, subnet: Cidr): Claim {
  const size = subnet.last - subnet.first + 1;
  return {
    block,
    subnet,
    firstId: FIRST_ID + block * MAX_SLOTS * RANGE_SIZE,
    slots: Math.min(MAX_SLOTS, Math.floor(size / 4) - 1),
  };
}

function subnetOf(request: ClaimRequest, block: number): Cidr | undefined {
  const first = FIRST_SUBNET + block * SUBNET_SIZE;
  const subnet =
    request.subnet === undefined
      ? { first, last: first + SUBNET_SIZE - 1, prefix: 16 }
      : parseCidr(request.subnet);
  if (!subnet) return undefined;
  // An operator may cut a subnet out of a wider route on purpose.
  const mayCut = request.subnet !== undefined;
  const clash = request.taken.some(
    (used) => overlaps(used, subnet) && !(mayCut && used.prefix < subnet.prefix),
  );
  return clash ? undefined : subnet;
}

function preferredBlocks(request: ClaimRequest): number[] {
  const start = createHash('sha256').update(request.instanceId).digest().readUInt32LE(0) % BLOCKS;
  const all = Array.from({ length: BLOCKS }, (_, offset) => (start + offset) % BLOCKS);
  return request.previous === undefined ? all : [request.previous, ...all];
}

function claimFile(folder: string, block: number): string {
  return path.join(folder, `block-${block}`);
}

async function take(request: ClaimRequest, block: number): Promise<boolean> {
  const file = claimFile(request.folder, block);
  try {
    await writeFile(file, request.instanceId, { flag: 'wx', mode: 0o644 });
    return true;
  } catch {
    return (await readIfPresent(file)) === request.instanceId;
  }
}

async function ownBlock(request: ClaimRequest): Promise<number | undefined> {
  for (const name of await namesIn(request.folder)) {
    const block = /^block-(\d{1,2})$/.exec(name)?.[1];
    if (block === undefined) continue;
    if ((await readIfPresent(path.join(request.folder, name))) === request.instanceId) return Number(block);
  }
  return undefined;
}

/**
 * Takes user ids and a subnet that no other installation on this host has.
 * @throws {@link DriverError} when none is free, or the operator's subnet is in use.
 */
export async function claimHostRange(request: ClaimRequest): Promise<Claim> {
  await mkdir(request.folder, { recursive: true, mode: 0o755 });
  const own = await ownBlock(request);
  const blocks = own === undefined ? preferredBlocks(request) : [own, ...preferredBlocks(request)];
  for (const block of blocks) {
    const subnet = subnetOf(request, block);
    if (!subnet || !(await take(request, block))) continue;
    if (own !== undefined && own !== block) await rm(claimFile(request.folder, own), { force: true });
    return claimOf(block, subnet);
  }
  const inUse = request.taken.map((block) => formatCidr(block)).join(', ');
  throw new DriverError(
    'HOST_UNSUITABLE',
    request.subnet === undefined
      ? `No subnet for boxes is free in 10.128.0.0/10: the host uses ${inUse}. Set one that is free.`
      : `The subnet ${request.subnet} overlaps what the host uses (${inUse}), or ${BLOCKS} installations run here. Set another.`,
  );
}

/**
 * Gives the claim back.
 * @returns true when no other installation has a claim on this host.
 */
export async function releaseHostRange(folder: string, instanceId: string): Promise<boolean> {
  for (const name of await namesIn(folder)) {
    const file = path.join(folder, name);
    if (name.startsWith('block-') && (await readIfPresent(file)) === instanceId)
      await rm(file, { force: true });
  }
  return !(await namesIn(folder)).some((name) => name.startsWith('block-'));
}

/** Removes the shared folder when nothing is left in it. */
export async function removeClaimFolder(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch {
    // Another installation uses it.
  }
}

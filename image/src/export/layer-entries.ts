import { lstat, readdir, readlink } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { posix } from 'node:path';
import type { LayerAttributes } from './extended-attributes.ts';
import type { TarHeader } from './tar-header.ts';

/** An entry of a layer's tar; `source` is the file on disk that holds its content. */
export interface LayerEntry {
  header: TarHeader;
  source?: string;
}

/** A folder to be turned into a layer of a container image. */
export interface LayerSource {
  /** Folder on disk. */
  root: string;
  /** Where the folder lies in the image, without leading slash; empty for the whole tree. */
  prefix: string;
  /** Makes everything root's, whoever owns it on disk. */
  ownedByRoot: boolean;
  attributes: LayerAttributes;
}

interface Walk {
  source: LayerSource;
  entries: LayerEntry[];
  /** First name of each file that has several, by device and inode. */
  firstNames: Map<string, string>;
}

/**
 * Lists a layer as the tar entries of a container image: what an overlay's upper folder says by a device 0/0 or by
 * the attribute `opaque` becomes the `.wh.` files of the OCI image specification (layer.md, "Whiteouts").
 * Parents come before their children, names in byte order.
 */
export async function listLayerEntries(source: LayerSource): Promise<LayerEntry[]> {
  const walk: Walk = { source, entries: [], firstNames: new Map() };
  if (source.prefix !== '') {
    const stats = await lstat(source.root);
    walk.entries.push({ header: headerOf(walk, source.prefix, stats, 'directory') });
  }
  await walkFolder(walk, '');
  return walk.entries;
}

async function walkFolder(walk: Walk, folder: string): Promise<void> {
  const names = (await readdir(posix.join(walk.source.root, folder))).toSorted();
  const paths = names.map((name) => posix.join(folder, name));
  const stats = await Promise.all(paths.map((path) => lstat(posix.join(walk.source.root, path))));
  for (const [index, path] of paths.entries()) {
    const found = stats[index];
    if (found) await addEntry(walk, path, found);
  }
}

async function addEntry(walk: Walk, path: string, stats: Stats): Promise<void> {
  const { source, entries } = walk;
  const disk = posix.join(source.root, path);
  if (stats.isDirectory()) {
    entries.push({ header: headerOf(walk, path, stats, 'directory') });
    if (source.attributes.opaque.has(path))
      entries.push(marker(walk, posix.join(path, '.wh..wh..opq'), stats));
    await walkFolder(walk, path);
  } else if (stats.isCharacterDevice() && stats.rdev === 0) {
    entries.push(marker(walk, posix.join(posix.dirname(path), `.wh.${posix.basename(path)}`), stats));
  } else if (stats.isSymbolicLink()) {
    entries.push({ header: { ...headerOf(walk, path, stats, 'symlink'), linkName: await readlink(disk) } });
  } else if (stats.isFile()) {
    addFile(walk, path, stats);
  } else if (stats.isFIFO()) {
    entries.push({ header: headerOf(walk, path, stats, 'fifo') });
  } else if (stats.isCharacterDevice() || stats.isBlockDevice()) {
    const header = headerOf(walk, path, stats, stats.isBlockDevice() ? 'block' : 'char');
    entries.push({ header: { ...header, device: deviceOf(stats.rdev) } });
  }
  // A socket is nothing without the process that listens on it, and tar has no form for it.
}

function addFile(walk: Walk, path: string, stats: Stats): void {
  const identity = `${stats.dev}:${stats.ino}`;
  const first = stats.nlink > 1 ? walk.firstNames.get(identity) : undefined;
  if (first !== undefined) {
    walk.entries.push({ header: { ...headerOf(walk, path, stats, 'hardlink'), linkName: first } });
    return;
  }
  const header = { ...headerOf(walk, path, stats, 'file'), size: stats.size };
  walk.firstNames.set(identity, header.name);
  walk.entries.push({ header, source: posix.join(walk.source.root, path) });
}

function headerOf(walk: Walk, path: string, stats: Stats, type: TarHeader['type']): TarHeader {
  const { prefix, ownedByRoot, attributes } = walk.source;
  const whole = path === prefix ? prefix : posix.join(prefix, path);
  const capability = attributes.capabilities.get(path);
  return {
    name: type === 'directory' ? `${whole}/` : whole,
    type,
    mode: stats.mode & 0o7777,
    uid: ownedByRoot ? 0 : stats.uid,
    gid: ownedByRoot ? 0 : stats.gid,
    size: 0,
    mtime: Math.floor(stats.mtimeMs / 1000),
    ...(capability ? { xattrs: new Map([['security.capability', capability]]) } : {}),
  };
}

function marker(walk: Walk, path: string, stats: Stats): LayerEntry {
  return { header: { ...headerOf(walk, path, stats, 'file'), mode: 0o644, uid: 0, gid: 0 } };
}

/** Splits a device number as glibc's `major` and `minor` do. */
function deviceOf(rdev: number): { major: number; minor: number } {
  const value = BigInt(rdev);
  return {
    major: Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn)),
    minor: Number((value & 0xffn) | ((value >> 12n) & ~0xffn)),
  };
}

import type { FileEntry, FileStat } from '@banata/protocol/box';
import { lstat, opendir, readlink, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, join } from 'node:path';

export const MAX_ENTRIES = 10_000;
const PARALLEL = 64;

/** One entry as it is; a symbolic link is followed only when asked. */
export async function statEntry(path: string, follow: boolean): Promise<FileStat> {
  const stats = await (follow ? stat(path) : lstat(path));
  const target = stats.isSymbolicLink() ? await readlink(path) : null;
  return { ...toEntry(path, stats), target, uid: stats.uid, gid: stats.gid };
}

/**
 * Entries of a directory by name: the first `limit` of those after the name `after`. Memory is bounded by `limit`,
 * however many there are.
 */
export async function listDirectory(
  path: string,
  { limit, after }: { limit: number; after: string },
): Promise<{ entries: FileEntry[]; truncated: boolean; nextCursor: string | null }> {
  let names: string[] = [];
  let truncated = false;
  const cut = (): void => {
    names.sort(byCodeUnit);
    if (names.length <= limit) return;
    truncated = true;
    names = names.slice(0, limit);
  };
  for await (const { name } of await opendir(path, { bufferSize: 256 })) {
    if (name > after) names.push(name);
    if (names.length > 2 * limit) cut();
  }
  cut();
  const entries = await describeAll(names.map((name) => join(path, name)));
  return { entries, truncated, nextCursor: truncated ? (names.at(-1) ?? null) : null };
}

/** Entries at these paths; what is gone by now is left out. */
export async function describeAll(paths: readonly string[]): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  for (let start = 0; start < paths.length; start += PARALLEL) {
    const batch = paths.slice(start, start + PARALLEL);
    const found = await Promise.all(
      batch.map(async (path) => {
        const stats = await lstat(path).catch(() => undefined);
        return stats && toEntry(path, stats);
      }),
    );
    entries.push(...found.filter((entry) => entry !== undefined));
  }
  return entries;
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function toEntry(path: string, stats: Stats): FileEntry {
  return {
    name: basename(path),
    path,
    type: typeOf(stats),
    size: stats.size,
    mode: (stats.mode & 0o7777).toString(8).padStart(4, '0'),
    modifiedAt: Math.trunc(stats.mtimeMs),
  };
}

function typeOf(stats: Stats): FileEntry['type'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'other';
}

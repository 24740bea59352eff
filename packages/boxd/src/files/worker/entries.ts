import type { FileEntry } from '@banata/protocol/box';
import { lstat, opendir } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, join } from 'node:path';

const MAX_ENTRIES = 10_000;
const PARALLEL = 64;

/** One entry as it is; a symbolic link is not followed. */
export async function statEntry(path: string): Promise<FileEntry> {
  return toEntry(path, await lstat(path));
}

/** The entries of a directory by name, at most 10,000 of them. */
export async function listDirectory(path: string): Promise<{ entries: FileEntry[]; truncated: boolean }> {
  const names: string[] = [];
  let truncated = false;
  for await (const { name } of await opendir(path, { bufferSize: 256 })) {
    if (names.length === MAX_ENTRIES) {
      truncated = true;
      break;
    }
    names.push(name);
  }
  names.sort((a, b) => (a < b ? -1 : 1));
  const entries: FileEntry[] = [];
  for (let start = 0; start < names.length; start += PARALLEL) {
    const batch = names.slice(start, start + PARALLEL).map((name) => join(path, name));
    // A file may be removed while its folder is listed.
    const found = await Promise.all(batch.map((file) => statEntry(file).catch(() => undefined)));
    entries.push(...found.filter((entry) => entry !== undefined));
  }
  return { entries, truncated };
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

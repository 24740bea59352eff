import { MAX_FILES_CHANGED } from '@banata/protocol/box';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** What programs keep beside the work: their files are no results. */
const SKIPPED = new Set(['node_modules', '.git', '.venv', '__pycache__', '.cache']);
/** Entries looked at: the end of a task must not wait for a tree of millions. */
const MAX_ENTRIES = 20_000;

/**
 * Files below `workspace` whose content or attributes changed at or after `since`, sorted. Links are not followed.
 * @param since epoch milliseconds.
 * @returns absolute paths, at most {@link MAX_FILES_CHANGED}.
 */
export async function changedFiles(workspace: string, since: number): Promise<string[]> {
  const changed: string[] = [];
  const folders = [workspace];
  let looked = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of entriesOf(folder)) {
      looked += 1;
      if (looked > MAX_ENTRIES || changed.length >= MAX_FILES_CHANGED) return changed.sort();
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name)) folders.push(path);
      else if (entry.isFile() && (await changedAt(path)) >= since) changed.push(path);
    }
  }
  return changed.sort();
}

async function* entriesOf(folder: string) {
  try {
    yield* await opendir(folder);
  } catch {
    // Removed or replaced meanwhile: nothing there is a result of the task.
  }
}

async function changedAt(path: string): Promise<number> {
  try {
    return (await lstat(path)).ctimeMs;
  } catch {
    return 0;
  }
}

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

const SKIPPED_FOLDERS = new Set(['dist', 'node_modules', 'coverage', 'testing']);

function isSource(name: string): boolean {
  return !name.endsWith('.test.ts') && !name.endsWith('.tsbuildinfo');
}

/** Hash over the names and contents of the sources below the given files and folders of the checkout. */
export async function sourceHash(root: string, paths: readonly string[]): Promise<string> {
  const files = (await Promise.all(paths.map((path) => sourcesIn(join(root, path))))).flat();
  const hash = createHash('sha256');
  for (const file of files.toSorted()) {
    const content = await readFile(file);
    hash.update(`${relative(root, file)}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

async function sourcesIn(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry): Promise<string[]> => {
      const child = join(path, entry.name);
      if (entry.isDirectory()) return SKIPPED_FOLDERS.has(entry.name) ? [] : sourcesIn(child);
      return entry.isFile() && isSource(entry.name) ? [child] : [];
    }),
  );
  return nested.flat();
}

import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Copies the box daemon to a folder that carries its content's hash and is never changed again. Boxes see that folder
 * for as long as they live, so a newer daemon must not replace files under a box that still runs the older one.
 * @returns the folder.
 */
export async function installDaemon(source: string, target: string): Promise<string> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new Error(`The box daemon is not built: ${source} is missing. Run "npm run build".`, { cause });
  });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    hash
      .update(file.slice(source.length))
      .update('\0')
      .update(await readFile(file));
  }
  const folder = join(target, hash.digest('hex').slice(0, 16));
  if (await isThere(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  await mkdir(target, { recursive: true });
  await rm(draft, { recursive: true, force: true });
  await cp(source, draft, { recursive: true });
  await rename(draft, folder);
  return folder;
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

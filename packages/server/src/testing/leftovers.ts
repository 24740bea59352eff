import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Folders named `<prefix><pid>-…` whose process has ended: left by test runs that were killed. */
export async function leftoversOf(parent: string, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(\d+)-/.exec(name.slice(prefix.length))?.[1];
    if (pid !== undefined && !(await isAlive(pid))) found.push(join(parent, name));
  }
  return found;
}

async function isAlive(pid: string): Promise<boolean> {
  return stat(`/proc/${pid}`).then(
    () => true,
    () => false,
  );
}

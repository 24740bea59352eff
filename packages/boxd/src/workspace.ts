import { chmod, chown, lstat, mkdir, rename, stat } from 'node:fs/promises';
import type { Account, BoxLogger } from './services.ts';

const OWNER_ALL = 0o700;

/**
 * Makes the workspace a directory that its owner can enter, whatever was done to it: commands that say no directory
 * run there, also those that would repair it. Something else in its place is set aside. Resolves with whether it did
 * anything. Only root can change what lies in `/`, so nobody swaps the path meanwhile.
 */
export async function repairWorkspace(path: string, owner: Account, logger: BoxLogger): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    if (found.uid === owner.uid && (found.mode & OWNER_ALL) === OWNER_ALL) return false;
    if (found.uid !== owner.uid && (found.mode & 0o005) === 0o005) return false;
    logger.warn('workspace.reopened', { uid: found.uid, mode: found.mode.toString(8) });
    await chown(path, owner.uid, owner.gid);
    await chmod(path, (found.mode & 0o7777) | OWNER_ALL);
    return true;
  }
  if (found) await rename(path, `${path}.replaced-${Date.now()}`);
  logger.warn('workspace.made_anew', { replaced: found !== undefined });
  await mkdir(path);
  await chown(path, owner.uid, owner.gid);
  return true;
}

/** Makes the workspace anew where nothing that is a directory, or leads to one, is in its place. */
export async function keepWorkspace(path: string, owner: Account, logger: BoxLogger): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) await repairWorkspace(path, owner, logger);
}

import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { FileError } from './file-error.ts';
import type { PendingFiles } from './pending-files.ts';

/**
 * Writes a body to a file that appears, or takes the old one's place, only when it is whole. Parents are made; a
 * file that was there keeps its mode; a symbolic link to a file stays, and the file it leads to is replaced.
 */
export async function writeFile(
  path: string,
  body: IncomingMessage,
  pending: PendingFiles,
): Promise<{ size: number }> {
  const target = await realpath(path).catch(() => path);
  const existing = await existingFile(target);
  const directory = dirname(target);
  await mkdir(directory, { recursive: true });
  const id = randomBytes(9).toString('hex');
  const temporary = join(directory, `.banata-${id}.tmp`);
  await pending.add(id, temporary);
  try {
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o666);
    try {
      // Fails when the caller goes away before the end of the body. Not by a stream on the descriptor: one that fails
      // closes it, and the handle would close it again, or whatever has its number by then.
      await handle.writeFile(body);
      if (existing) await handle.chmod(existing.mode & 0o7777);
      const { size } = await handle.stat();
      await rename(temporary, target);
      return { size };
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await pending.remove(id);
  }
}

async function existingFile(target: string): Promise<Stats | undefined> {
  const stats = await stat(target).catch(() => undefined);
  if (stats?.isDirectory()) throw new FileError(400, 'IS_DIRECTORY', `${target} is a directory`);
  if (stats && !stats.isFile()) throw new FileError(400, 'NOT_A_FILE', `${target} is not a regular file`);
  // Renaming over it would need the right to its folder only.
  if (stats) await access(target, constants.W_OK);
  return stats;
}

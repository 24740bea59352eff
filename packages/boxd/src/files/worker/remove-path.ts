import { lstat, rm, rmdir, unlink } from 'node:fs/promises';
import { FileError } from './file-error.ts';

/** Removes a file, a link or a directory; a directory with something in it only when `recursive`. */
export async function removePath(path: string, recursive: boolean, workspace: string): Promise<void> {
  if (path === '/' || path === workspace) {
    throw new FileError(400, 'PATH_PROTECTED', `${path} itself cannot be removed; remove what is in it`);
  }
  const stats = await lstat(path);
  if (!stats.isDirectory()) await unlink(path);
  else if (recursive) await rm(path, { recursive: true });
  else await rmdir(path);
}

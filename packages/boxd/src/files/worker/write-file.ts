import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, open, realpath, rename, rm, stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { makeParents } from './change-path.ts';
import { FileError } from './file-error.ts';
import type { PendingFiles } from './pending-files.ts';
import { writeBatches } from './write-batches.ts';

const NEW_FILE_MODE = 0o666;

export interface WriteOptions {
  pending: PendingFiles;
  /** Permission bits of the file. Default: those of the file that was there, or 0644. */
  mode?: number | undefined;
  /** A longer body is refused with 413, and nothing changes. */
  maxBytes?: number | undefined;
}

/**
 * Writes a body to a file that appears, or takes the old one's place, only when it is whole. Parents are made; a
 * file that was there keeps its mode; a symbolic link to a file stays, and the file it leads to is replaced.
 */
export async function writeFile(
  path: string,
  body: IncomingMessage,
  { pending, mode, maxBytes = Number.POSITIVE_INFINITY }: WriteOptions,
): Promise<{ size: number }> {
  const target = await realpath(path).catch(() => path);
  const existing = await existingFile(target);
  const directory = dirname(target);
  await makeParents(directory);
  const id = randomBytes(9).toString('hex');
  const temporary = join(directory, `.banata-${id}.tmp`);
  await pending.add(id, temporary);
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const handle = await open(temporary, flags, NEW_FILE_MODE);
    try {
      // Fails when the caller goes away before the end of the body. Not by a stream on the descriptor: one that fails
      // closes it, and the handle would close it again, or whatever has its number by then.
      await writeBatches(handle, bounded(body, maxBytes));
      const bits = mode ?? (existing && existing.mode & 0o7777);
      if (bits !== undefined) await handle.chmod(bits);
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

async function* bounded(body: IncomingMessage, maxBytes: number): AsyncGenerator<Buffer, void> {
  const refusal = new FileError(413, 'FILE_TOO_LARGE', `The file may have at most ${maxBytes} bytes`);
  if (Number(body.headers['content-length'] ?? 0) > maxBytes) throw refusal;
  let size = 0;
  // Not destroyed when it is left early, as the reply goes over the same socket.
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw refusal;
    yield chunk;
  }
}

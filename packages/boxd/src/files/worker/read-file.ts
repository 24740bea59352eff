import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { FileError } from './file-error.ts';

const CHUNK_BYTES = 512 * 1024;

/** Sends a regular file. Refuses what is none, without waiting for the other end of a fifo. */
export async function readFile(path: string, response: ServerResponse): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw new FileError(400, 'IS_DIRECTORY', `${path} is a directory`);
    if (!stats.isFile()) throw new FileError(400, 'NOT_A_FILE', `${path} is not a regular file`);
    response.setHeader('content-type', 'application/octet-stream');
    // Files of /proc say 0 and hold more: those go without a length.
    if (stats.size > 0) response.setHeader('content-length', stats.size);
    const options = { fd: handle.fd, autoClose: false, highWaterMark: CHUNK_BYTES };
    const range = stats.size > 0 ? { start: 0, end: stats.size - 1 } : {};
    await pipeline(createReadStream(path, { ...options, ...range }), response);
  } finally {
    await handle.close();
  }
}

import { byteRange } from '@banata/protocol/box';
import { constants, createReadStream, type BigIntStats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { FileError } from './file-error.ts';

const CHUNK_BYTES = 512 * 1024;

/**
 * Sends a regular file, or the one range of it that is asked for (`Range`, `If-Range`; 206, 416), or nothing where the
 * caller has it (`If-None-Match`; 304). Refuses what is no file, without waiting for the other end of a fifo.
 */
export async function readFile(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { handle, stats } = await openRegular(path);
  try {
    const size = Number(stats.size);
    const etag = etagOf(stats);
    const { range, 'if-range': ifRange, 'if-none-match': ifNoneMatch } = request.headers;
    response.setHeader('etag', etag);
    response.setHeader('last-modified', new Date(Number(stats.mtimeMs)).toUTCString());
    if (ifNoneMatch?.split(/\s*,\s*/).includes(etag)) {
      response.writeHead(304).end();
      return;
    }
    const part = ifRange === undefined || ifRange === etag ? byteRange(range, size) : undefined;
    if (part === 'unsatisfiable') {
      response.setHeader('content-range', `bytes */${size}`);
      throw new FileError(416, 'RANGE_NOT_SATISFIABLE', `${path} has ${size} bytes; ask for a range in them`);
    }
    response.setHeader('content-type', 'application/octet-stream');
    response.setHeader('accept-ranges', 'bytes');
    // Files of /proc say 0 and hold more: those go without a length.
    const whole = size > 0 ? { start: 0, end: size - 1 } : undefined;
    const sent = part ?? whole;
    if (part) {
      response.statusCode = 206;
      response.setHeader('content-range', `bytes ${part.start}-${part.end}/${size}`);
    }
    if (sent) response.setHeader('content-length', sent.end - sent.start + 1);
    const options = { fd: handle.fd, autoClose: false, highWaterMark: CHUNK_BYTES };
    await pipeline(createReadStream(path, { ...options, ...sent }), response);
  } finally {
    await handle.close();
  }
}

/** What {@link readFile} would send: for callers that ask for the head only. */
export async function fileHead(path: string): Promise<{ size: number; etag: string; modifiedAt: number }> {
  const { handle, stats } = await openRegular(path);
  await handle.close();
  return { size: Number(stats.size), etag: etagOf(stats), modifiedAt: Number(stats.mtimeMs) };
}

async function openRegular(path: string): Promise<{ handle: FileHandle; stats: BigIntStats }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = await handle.stat({ bigint: true });
    if (stats.isDirectory()) throw new FileError(400, 'IS_DIRECTORY', `${path} is a directory`);
    if (!stats.isFile()) throw new FileError(400, 'NOT_A_FILE', `${path} is not a regular file`);
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Another file, length or time of writing gives another tag. */
function etagOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `"${[ino, size, mtimeNs].map((part) => part.toString(36)).join('-')}"`;
}

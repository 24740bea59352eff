import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { PROGRAM_ENV, programError } from '../run-program.ts';
import { prefixed } from './prefixed.ts';

/** An archive that is no longer than this is held back until it is known to be whole. */
const HELD_BYTES = 256 * 1024;
const CHUNK_BYTES = 256 * 1024;
const GZIP_LEVEL = 3;
const MAX_MESSAGE_CHARS = 2000;
/** tar(1): some files changed while they were read. */
const CHANGED = 1;

export type ArchiveFormat = 'tar' | 'tar.gz' | 'tar.zst';

const TYPES: Record<ArchiveFormat, string> = {
  tar: 'application/x-tar',
  'tar.gz': 'application/gzip',
  'tar.zst': 'application/zstd',
};

export interface PackOptions {
  format: ArchiveFormat;
  /** Leaves out what this account may not read; otherwise it makes the archive fail. */
  skipUnreadable: boolean;
}

/**
 * Sends a file, or what is in a directory, as a tar archive. What fails before the first bytes have gone is an error as
 * any; later it cuts the reply off.
 */
export async function packArchive(
  path: string,
  { format, skipUnreadable }: PackOptions,
  response: ServerResponse,
): Promise<void> {
  const isDirectory = (await stat(path)).isDirectory();
  await access(path, isDirectory ? constants.R_OK | constants.X_OK : constants.R_OK);
  const [folder, name] = isDirectory ? [path, '.'] : [dirname(path), basename(path)];
  const child = spawn(
    '/usr/bin/tar',
    [
      '--create',
      '--file=-',
      '--format=posix',
      // Times of access and of status changes would make each archive of the same files another one.
      '--pax-option=delete=atime,delete=ctime',
      '--numeric-owner',
      ...(skipUnreadable ? ['--ignore-failed-read'] : []),
      `--directory=${folder}`,
      '--',
      name,
    ],
    { cwd: '/', env: PROGRAM_ENV, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = outcome(child);
  ended.catch(() => undefined);
  response.once('close', () => child.kill('SIGKILL'));
  response.setHeader('content-type', TYPES[format]);
  const archive = checked(child.stdout, ended);
  // What fails by now can still be answered.
  const first = await archive.next();
  const whole = prefixed(first.value ?? Buffer.alloc(0), archive);
  if (format === 'tar') return await pipeline(whole, response);
  const encoder =
    format === 'tar.gz'
      ? createGzip({ level: GZIP_LEVEL, chunkSize: CHUNK_BYTES })
      : createZstdCompress({ chunkSize: CHUNK_BYTES });
  await pipeline(whole, encoder, response);
}

/** Rejects when the program failed. */
async function outcome(child: ChildProcessByStdio<null, Readable, Readable>): Promise<void> {
  let message = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (message.length < MAX_MESSAGE_CHARS) message += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0 && code !== CHANGED) throw programError(message);
}

async function* checked(stdout: Readable, ended: Promise<void>): AsyncGenerator<Buffer, void> {
  const held: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    if (size > HELD_BYTES) {
      yield chunk;
      continue;
    }
    held.push(chunk);
    size += chunk.length;
    if (size > HELD_BYTES) yield Buffer.concat(held.splice(0));
  }
  await ended;
  if (held.length > 0) yield Buffer.concat(held);
}

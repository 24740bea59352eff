import { realpath, stat } from 'node:fs/promises';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Extract, type Header } from 'tar-stream';
import { makeParents } from '../change-path.ts';
import { FileError } from '../file-error.ts';
import type { PendingFiles } from '../pending-files.ts';
import { refuseEntry } from './archive-path.ts';
import { ArchiveTarget } from './archive-target.ts';
import { prefixed } from './prefixed.ts';

const MAX_ARCHIVE_ENTRIES = 500_000;
/** A file up to this long is held in memory until it is whole. */
const SMALL_BYTES = 256 * 1024;
const UNPACK_CHUNK_BYTES = 256 * 1024;

/** What was unpacked. */
export interface Unpacked {
  files: number;
  folders: number;
  links: number;
  /** Contents of the files. */
  bytes: number;
}

export interface UnpackOptions {
  pending: PendingFiles;
  /** Most bytes of the archive once it is decompressed. */
  maxBytes: number;
}

/**
 * Unpacks a tar archive, plain or compressed with gzip or Zstandard, into a directory. Entries that lead out of it, and
 * kinds other than files, folders and links, are refused with a {@link FileError} 422 that names them; an archive that
 * is no whole one with 400.
 */
export async function unpackArchive(
  path: string,
  body: IncomingMessage,
  options: UnpackOptions,
): Promise<Unpacked> {
  await makeParents(path);
  const root = await realpath(path);
  if (!(await stat(root)).isDirectory()) {
    throw new FileError(400, 'NOT_A_DIRECTORY', `${path} is not a directory`);
  }
  const target = new ArchiveTarget(root, options.pending);
  const sink = extract();
  const fed = feed(body, sink, options.maxBytes);
  // It is awaited below; till then its failure is told through the sink.
  fed.catch(() => undefined);
  const done: Unpacked = { files: 0, folders: 0, links: 0, bytes: 0 };
  try {
    for await (const entry of sink) {
      if (done.files + done.folders + done.links >= MAX_ARCHIVE_ENTRIES) {
        throw refuseEntry(entry.header.name, `is one more than the ${MAX_ARCHIVE_ENTRIES} that are unpacked`);
      }
      await unpackEntry(entry.header, entry as unknown as Readable, target, done);
    }
    await fed;
  } catch (error) {
    throw asRefusal(error);
  } finally {
    sink.destroy();
    target.finish();
  }
  return done;
}

async function unpackEntry(
  { type, name, linkname, mode, mtime, size }: Header,
  content: Readable,
  target: ArchiveTarget,
  done: Unpacked,
): Promise<void> {
  switch (type) {
    case 'file':
    case 'contiguous-file':
      if (size <= SMALL_BYTES) {
        const chunks: Uint8Array[] = [];
        for await (const chunk of content as AsyncIterable<Uint8Array>) chunks.push(chunk);
        const [only] = chunks;
        const whole =
          chunks.length === 1 && only
            ? Buffer.from(only.buffer, only.byteOffset, only.length)
            : Buffer.concat(chunks);
        target.writeSmall(name, whole, { mode, mtime });
      } else await target.writeLarge(name, content as AsyncIterable<Uint8Array>, { mode, mtime });
      done.files += 1;
      done.bytes += size;
      return;
    case 'directory':
      target.makeFolder(name, mode);
      done.folders += 1;
      break;
    case 'symlink':
      target.makeSymlink(name, linkname ?? '');
      done.links += 1;
      break;
    case 'link':
      target.makeLink(name, linkname ?? '');
      done.links += 1;
      break;
    default:
      throw refuseEntry(name, `is a ${type ?? 'kind of entry'} that is not unpacked`);
  }
  content.resume();
}

/** Passes the body, decompressed, on to the parser of archives. */
async function feed(body: IncomingMessage, sink: Extract, maxBytes: number): Promise<void> {
  const closed = new AbortController();
  sink.once('close', () => closed.abort());
  let size = 0;
  try {
    for await (const chunk of decompressed(body)) {
      size += chunk.length;
      if (size > maxBytes) {
        throw new FileError(
          413,
          'FILE_TOO_LARGE',
          `The archive has more than ${maxBytes} bytes once it is decompressed; what came before has been unpacked`,
        );
      }
      if (!sink.write(chunk)) await once(sink, 'drain', { signal: closed.signal });
    }
    sink.end(null);
  } catch (error) {
    if (closed.signal.aborted) return;
    sink.destroy(error as Error);
    throw error;
  }
}

async function* decompressed(body: IncomingMessage): AsyncGenerator<Buffer, void> {
  // Not destroyed when it is left early, as the reply goes over the same socket.
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < 4) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  if (head.length < 4) throw new FileError(400, 'ARCHIVE_INVALID', 'The body is no tar archive: it is empty');
  const decoder = decoderOf(head);
  if (!decoder) return yield* prefixed(head, chunks);
  const source = Readable.from(prefixed(head, chunks), { objectMode: false });
  source.on('error', (error) => decoder.destroy(error));
  source.pipe(decoder);
  try {
    yield* decoder as AsyncIterable<Buffer>;
  } finally {
    source.unpipe(decoder);
    decoder.destroy();
  }
}

/** By the first bytes: RFC 1952 (gzip), RFC 8878 (Zstandard). */
function decoderOf(head: Buffer): ReturnType<typeof createGunzip> | undefined {
  if (head.readUInt16BE(0) === 0x1f8b) return createGunzip({ chunkSize: UNPACK_CHUNK_BYTES });
  if (head.readUInt32LE(0) === 0xfd2fb528) {
    return createZstdDecompress({ chunkSize: UNPACK_CHUNK_BYTES });
  }
  return undefined;
}

/** What the parser and the decompressors throw means that the archive is not one. */
function asRefusal(error: unknown): unknown {
  const { syscall, errno, message } = error as NodeJS.ErrnoException;
  const ofSystem = syscall !== undefined && errno !== undefined;
  if (error instanceof FileError || ofSystem) return error;
  const text = `The body is no whole tar archive: ${message}`;
  return new FileError(400, 'ARCHIVE_INVALID', text, { cause: error });
}

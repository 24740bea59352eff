import { ApiError, type ArchiveFormat } from '@banata/protocol';
import { ARCHIVE_TRAILER } from '@banata/protocol/box';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { BoxRefusal } from '../../boxes/box-client.ts';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { ActivityService } from '../activity.ts';

const TIMEOUT_MS = 30_000;
/** Packaging may come to a file that compresses to nothing for a while. */
const ARCHIVE_TIMEOUT_MS = 120_000;
const MAX_REASON_LENGTH = 300;

/** A file or a packaged folder of a sandbox. */
export interface BoxContent {
  /** The caller consumes or destroys it. */
  body: Readable;
  /** Bytes, as the sandbox says. */
  size?: number;
  name: string;
  packaged: boolean;
}

/** Reads from sandboxes what is to become an artifact, with the rights of their ordinary user. */
export class BoxContents {
  readonly #boxes: Boxes;
  readonly #activity: ActivityService;

  constructor(boxes: Boxes, activity: ActivityService) {
    this.#boxes = boxes;
    this.#activity = activity;
  }

  /** @param wanted.format for a folder; a file is refused then. Default for a folder: zip. */
  async open(
    sandbox: SandboxRow,
    { path, format }: { path: string; format?: ArchiveFormat | undefined },
    signal: AbortSignal,
  ): Promise<BoxContent> {
    this.#activity.touch(sandbox.id);
    if (format !== undefined) return this.#archive(sandbox, path, format, signal);
    try {
      const { body, headers } = await this.#get(sandbox, '/files/read', { path }, signal);
      const size = Number(headers['content-length'] ?? Number.NaN);
      return { body, name: baseName(path), packaged: false, ...(Number.isSafeInteger(size) && { size }) };
    } catch (error) {
      const isFolder =
        error instanceof ApiError && error.cause instanceof BoxRefusal && error.cause.code === 'IS_DIRECTORY';
      if (!isFolder) throw error;
      return this.#archive(sandbox, path, 'zip', signal);
    }
  }

  async #archive(
    sandbox: SandboxRow,
    path: string,
    format: ArchiveFormat,
    signal: AbortSignal,
  ): Promise<BoxContent> {
    const reply = await this.#get(sandbox, '/files/archive', { path, format }, signal);
    return {
      body: Readable.from(whole(reply), { objectMode: false }),
      name: `${baseName(path)}.${format}`,
      packaged: true,
    };
  }

  #get(
    sandbox: SandboxRow,
    path: string,
    query: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const timeoutMs = path === '/files/archive' ? ARCHIVE_TIMEOUT_MS : TIMEOUT_MS;
    return this.#boxes.stream(sandbox, { method: 'GET', path, query, timeoutMs, signal });
  }
}

function baseName(path: string): string {
  return posix.basename(posix.resolve('/workspace', path)) || 'sandbox';
}

/** The archive's bytes; fails at the end when the sandbox does not say that it is whole. */
async function* whole({ body, trailers }: Dispatcher.ResponseData): AsyncGenerator<Buffer, void> {
  try {
    yield* body as AsyncIterable<Buffer>;
  } catch (cause) {
    if (cause instanceof ApiError || (cause as Error).name === 'AbortError') throw cause;
    throw new ApiError('SANDBOX_UNREACHABLE', 'The sandbox broke the archive off.', { cause });
  }
  const outcome = trailers[ARCHIVE_TRAILER];
  if (outcome === 'whole') return;
  const reason = typeof outcome === 'string' ? outcome.slice(0, MAX_REASON_LENGTH) : 'broken off';
  throw new ApiError(
    'FILE_ACCESS_DENIED',
    `The folder could not be packaged whole: ${reason.replaceAll(/[^\x20-\x7e]/g, ' ')}`,
  );
}

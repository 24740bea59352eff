import {
  ApiError,
  type fsDownloadQuerySchema,
  type fsSignReplySchema,
  type fsSignSchema,
  type fsUploadQuerySchema,
} from '@banata/protocol';
import { boxFileHeadSchema, boxUploadReplySchema, boxWriteReplySchema } from '@banata/protocol/box';
import type { IncomingMessage } from 'node:http';
import { posix } from 'node:path';
import type { z } from 'zod';
import { BoxRefusal } from '../boxes/box-client.ts';
import type { TransferCall } from '../boxes/box-transfer.ts';
import type { Boxes } from '../boxes/boxes.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import type { Links } from './links.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';
import { StallWatch } from './stall-watch.ts';

const TIMEOUT_MS = 30_000;
/** Packing may look at many files before it sends the first byte. */
const PACK_TIMEOUT_MS = 130_000;
/** Head of a file as the box says it. */
export type FileHead = z.output<typeof boxFileHeadSchema>;

export interface FileTransfersDeps {
  sandboxes: SandboxService;
  boxes: Boxes;
  activity: ActivityService;
  links: Links;
}

/** What a transfer is about: who asks has been let in. */
export interface FilePlace {
  row: SandboxRow;
  path: string;
}

/** Files and archives of any size, streamed from and to the box; nothing of them is held here. */
export class FileTransfers {
  readonly #deps: FileTransfersDeps;

  constructor(deps: FileTransfersDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} SANDBOX_NOT_FOUND, SANDBOX_NOT_READY. */
  async place(caller: Caller, { id, path }: { id: string; path: string }): Promise<FilePlace> {
    return { row: await this.#deps.sandboxes.findWorking(caller, id), path };
  }

  /** What a signed link is about. @throws {ApiError} LINK_INVALID, also once the sandbox has ended. */
  async linked(token: string, operation: 'read' | 'write'): Promise<FilePlace & { maxBytes?: number }> {
    const { sandboxId, key, maxBytes } = this.#deps.links.verify(token, `file-${operation}`);
    if (key === undefined) throw new ApiError('LINK_INVALID');
    const row = await this.#deps.sandboxes.findLinked(sandboxId);
    return { row, path: key, ...(maxBytes === undefined ? {} : { maxBytes }) };
  }

  async sign(
    caller: Caller,
    { id, path, ...link }: z.output<typeof fsSignSchema>,
  ): Promise<z.input<typeof fsSignReplySchema>> {
    if (link.operation === 'read' && link.maxBytes !== undefined) {
      throw new ApiError('INVALID_REQUEST', 'Invalid maxBytes: it goes with the operation "write" only.');
    }
    const row = await this.#deps.sandboxes.findWorking(caller, id);
    const file = posix.resolve('/workspace', path);
    const { url, expiresAt } = this.#deps.links.forFile(row.id, { ...link, path: file });
    return { url, method: link.operation === 'read' ? 'GET' : 'PUT', path: file, expiresAt };
  }

  head({ row, path }: FilePlace, signal: AbortSignal): Promise<FileHead> {
    this.#deps.activity.touch(row.id);
    return this.#deps.boxes.json(row, boxFileHeadSchema, {
      method: 'GET',
      path: '/files/head',
      query: { path },
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  }

  /**
   * The file, the part of it that `range` asks for, or 304; the caller consumes or destroys the body.
   * @param conditions headers of the request: range, if-range, if-none-match.
   */
  async read(
    { row, path }: FilePlace,
    conditions: Record<string, string>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return this.#open(row, {
      method: 'GET',
      path: '/files/read',
      query: { path },
      headers: conditions,
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  }

  async download(
    { row, path }: FilePlace,
    { format, skipUnreadable }: Pick<z.output<typeof fsDownloadQuerySchema>, 'format' | 'skipUnreadable'>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    return this.#open(row, {
      method: 'GET',
      path: '/files/download',
      query: { path, format, skipUnreadable: String(skipUnreadable) },
      timeoutMs: PACK_TIMEOUT_MS,
      signal,
    });
  }

  async write(
    { row, path }: FilePlace,
    {
      body,
      mode,
      maxBytes,
    }: { body: IncomingMessage; mode?: string | undefined; maxBytes?: number | undefined },
    signal: AbortSignal,
  ): Promise<z.output<typeof boxWriteReplySchema>> {
    const query = {
      path,
      ...(mode === undefined ? {} : { mode }),
      ...(maxBytes === undefined ? {} : { maxBytes: String(maxBytes) }),
    };
    return this.#send(row, boxWriteReplySchema, { method: 'PUT', path: '/files/write', query, body, signal });
  }

  async upload(
    { row, path }: FilePlace,
    { body, maxBytes }: { body: IncomingMessage } & Pick<z.output<typeof fsUploadQuerySchema>, 'maxBytes'>,
    signal: AbortSignal,
  ): Promise<z.output<typeof boxUploadReplySchema>> {
    const query = { path, maxBytes: String(maxBytes) };
    return this.#send(row, boxUploadReplySchema, {
      method: 'POST',
      path: '/files/upload',
      query,
      body,
      signal,
    });
  }

  async #open(row: SandboxRow, call: TransferCall): Promise<IncomingMessage> {
    const done = this.#deps.activity.begin(row.id);
    try {
      const reply = await this.#deps.boxes.transfer(row, call);
      reply.once('close', done);
      return reply;
    } catch (error) {
      done();
      throw error;
    }
  }

  async #send<T extends z.ZodType>(
    row: SandboxRow,
    schema: T,
    {
      body,
      signal,
      ...call
    }: Omit<TransferCall, 'timeoutMs' | 'body'> & { body: IncomingMessage; signal: AbortSignal },
  ): Promise<z.output<T>> {
    const done = this.#deps.activity.begin(row.id);
    const length = body.headers['content-length'];
    // A reply comes after the whole body, however long that takes: what is bounded is the time without progress.
    using stall = new StallWatch(body);
    try {
      return await this.#deps.boxes.transferJson(row, schema, {
        ...call,
        body,
        headers: {
          'content-type': 'application/octet-stream',
          ...(length === undefined ? {} : { 'content-length': length }),
        },
        timeoutMs: 0,
        signal: AbortSignal.any([signal, stall.signal]),
      });
    } finally {
      done();
    }
  }
}

/** The header `Content-Range` of a refused range, which tells how long the file is. */
export function contentRangeOf(error: unknown): string | undefined {
  if (!(error instanceof ApiError) || error.code !== 'RANGE_NOT_SATISFIABLE') return undefined;
  const range = error.cause instanceof BoxRefusal ? error.cause.headers['content-range'] : undefined;
  return typeof range === 'string' && /^bytes \*\/\d{1,16}$/.test(range) ? range : undefined;
}

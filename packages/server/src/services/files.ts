import { ApiError, type fsListQuerySchema, type fsReadReplySchema } from '@banata/protocol';
import { boxListReplySchema, boxWriteReplySchema } from '@banata/protocol/box';
import { Buffer, isUtf8 } from 'node:buffer';
import { posix } from 'node:path';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { Boxes } from '../boxes/boxes.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

const TIMEOUT_MS = 30_000;
/** A longer file is read with `format=raw`. */
const MAX_JSON_FILE_BYTES = 16 * 1024 * 1024;

/** Files of a sandbox. The box does the work, with the rights of its ordinary user. */
export class FileService {
  readonly #sandboxes: SandboxService;
  readonly #boxes: Boxes;
  readonly #activity: ActivityService;

  constructor(sandboxes: SandboxService, boxes: Boxes, activity: ActivityService) {
    this.#sandboxes = sandboxes;
    this.#boxes = boxes;
    this.#activity = activity;
  }

  /** The file as a stream; the caller consumes or destroys the body. */
  async open(
    caller: Caller,
    id: string,
    path: string,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    const row = await this.#working(caller, id);
    return this.#boxes.stream(row, {
      method: 'GET',
      path: '/files/read',
      query: { path },
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  }

  /** The whole file as text, or as base64 when it is no valid UTF-8 or that is asked for. */
  async read(
    caller: Caller,
    { id, path, encoding: asked }: { id: string; path: string; encoding?: 'utf8' | 'base64' | undefined },
    signal: AbortSignal,
  ): Promise<z.input<typeof fsReadReplySchema>> {
    const reply = await this.open(caller, id, path, signal);
    const bytes = await collect(reply.body, path);
    const encoding = asked ?? (isUtf8(bytes) ? 'utf8' : 'base64');
    return { path: absolute(path), content: bytes.toString(encoding), encoding, size: bytes.length };
  }

  async write(
    caller: Caller,
    id: string,
    file: { path: string; content: Buffer },
    signal: AbortSignal,
  ): Promise<{ path: string; size: number }> {
    const row = await this.#working(caller, id);
    return this.#boxes.json(row, boxWriteReplySchema, {
      method: 'PUT',
      path: '/files/write',
      query: { path: file.path },
      body: file.content,
      headers: { 'content-type': 'application/octet-stream' },
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  }

  async list(
    caller: Caller,
    { id, path, limit, cursor }: z.output<typeof fsListQuerySchema>,
  ): Promise<z.output<typeof boxListReplySchema> & { path: string }> {
    const row = await this.#working(caller, id);
    const query = { path, limit: String(limit), ...(cursor === undefined ? {} : { cursor }) };
    const call = { method: 'GET', path: '/files/list', query, timeoutMs: TIMEOUT_MS } as const;
    return { path: absolute(path), ...(await this.#boxes.json(row, boxListReplySchema, call)) };
  }

  async #working(caller: Caller, id: string) {
    const row = await this.#sandboxes.findWorking(caller, id);
    this.#activity.touch(row.id);
    return row;
  }
}

/** Relative paths are relative to the workspace, as in the box. */
function absolute(path: string): string {
  return posix.resolve('/workspace', path);
}

async function collect(body: AsyncIterable<Buffer>, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_JSON_FILE_BYTES) {
      throw new ApiError(
        'PAYLOAD_TOO_LARGE',
        `${path} is longer than ${MAX_JSON_FILE_BYTES} bytes; read it with format=raw.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

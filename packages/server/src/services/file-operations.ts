import type {
  fsChmodSchema,
  fsGlobQuerySchema,
  fsGrepQuerySchema,
  fsMkdirSchema,
  fsMoveSchema,
  fsRemoveSchema,
  fsStatQuerySchema,
  fsWatchQuerySchema,
} from '@banata/protocol';
import {
  boxGlobReplySchema,
  boxGrepReplySchema,
  boxMkdirReplySchema,
  boxPathReplySchema,
  fileStatSchema,
} from '@banata/protocol/box';
import type { z } from 'zod';
import type { BoxCall } from '../boxes/box-client.ts';
import type { Boxes } from '../boxes/boxes.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import type { EventReply } from './execution.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

/** Longer than the box lets any of these take. */
const TIMEOUT_MS = 130_000;
/** The box sends a heartbeat every 10 s. */
const SILENCE_MS = 30_000;

type Fields = Record<string, string | number | boolean | undefined>;

/** What is done with files beside reading and writing them. The box does it, with the rights of its ordinary user. */
export class FileOperations {
  readonly #sandboxes: SandboxService;
  readonly #boxes: Boxes;
  readonly #activity: ActivityService;

  constructor(sandboxes: SandboxService, boxes: Boxes, activity: ActivityService) {
    this.#sandboxes = sandboxes;
    this.#boxes = boxes;
    this.#activity = activity;
  }

  async stat(caller: Caller, { id, ...query }: z.output<typeof fsStatQuerySchema>, signal: AbortSignal) {
    return this.#call(caller, id, fileStatSchema, request('GET', 'stat', query, signal));
  }

  async mkdir(caller: Caller, { id, ...query }: z.output<typeof fsMkdirSchema>, signal: AbortSignal) {
    return this.#call(caller, id, boxMkdirReplySchema, request('POST', 'mkdir', query, signal));
  }

  async move(caller: Caller, { id, ...query }: z.output<typeof fsMoveSchema>, signal: AbortSignal) {
    return this.#call(caller, id, boxPathReplySchema, request('POST', 'move', query, signal));
  }

  async chmod(caller: Caller, { id, ...query }: z.output<typeof fsChmodSchema>, signal: AbortSignal) {
    return this.#call(caller, id, boxPathReplySchema, request('POST', 'chmod', query, signal));
  }

  async remove(caller: Caller, { id, ...query }: z.output<typeof fsRemoveSchema>, signal: AbortSignal) {
    const call = { ...request('DELETE', '', query, signal), path: '/files' };
    return this.#call(caller, id, boxPathReplySchema, call);
  }

  async glob(caller: Caller, { id, ...query }: z.output<typeof fsGlobQuerySchema>, signal: AbortSignal) {
    return this.#call(caller, id, boxGlobReplySchema, request('GET', 'glob', query, signal));
  }

  async grep(caller: Caller, { id, ...query }: z.output<typeof fsGrepQuerySchema>, signal: AbortSignal) {
    return this.#call(caller, id, boxGrepReplySchema, request('GET', 'grep', query, signal));
  }

  /** Changes as server-sent events of the box. A watch alone does not keep a sandbox from idling. */
  async watch(
    caller: Caller,
    { id, ...query }: z.output<typeof fsWatchQuerySchema>,
    signal: AbortSignal,
  ): Promise<EventReply> {
    const row = await this.#sandboxes.findWorking(caller, id);
    this.#activity.touch(row.id);
    const call = { ...request('GET', 'watch', query, signal), timeoutMs: SILENCE_MS };
    const { body } = await this.#boxes.stream(row, call);
    return { body, onEnd: () => undefined };
  }

  async #call<T extends z.ZodType>(
    caller: Caller,
    id: string,
    schema: T,
    call: BoxCall,
  ): Promise<z.output<T>> {
    const row = await this.#sandboxes.findWorking(caller, id);
    const done = this.#activity.begin(row.id);
    try {
      return await this.#boxes.json(row, schema, call);
    } finally {
      done();
    }
  }
}

function request(method: BoxCall['method'], name: string, fields: Fields, signal: AbortSignal): BoxCall {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  const query = Object.fromEntries(given.map(([key, value]) => [key, String(value)]));
  return { method, path: `/files/${name}`, query, timeoutMs: TIMEOUT_MS, signal };
}

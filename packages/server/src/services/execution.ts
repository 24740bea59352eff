import { ApiError, type codeSchema, type execSchema } from '@banata/protocol';
import {
  boxContextResultSchema,
  boxExecResultSchema,
  type BoxContextResult,
  type BoxExecResult,
  type CodeLanguage,
  type Runtime,
} from '@banata/protocol/box';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { BoxCall } from '../boxes/box-client.ts';
import type { Boxes } from '../boxes/boxes.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { ActivityService } from './activity.ts';
import type { Caller } from './access.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

/** The box ends a command at its timeout, which takes long where it forks without end; the server waits this much longer. */
const REPLY_GRACE_MS = 12_000;

const defaultLanguages: Record<Runtime, CodeLanguage> = {
  base: 'typescript',
  bun: 'typescript',
  python: 'python',
};

/** Commands and code. */
export class ExecutionService {
  readonly #sandboxes: SandboxService;
  readonly #boxes: Boxes;
  readonly #activity: ActivityService;

  constructor(sandboxes: SandboxService, boxes: Boxes, activity: ActivityService) {
    this.#sandboxes = sandboxes;
    this.#boxes = boxes;
    this.#activity = activity;
  }

  /** Aborting the signal ends the command with all its children. */
  async exec(
    caller: Caller,
    input: z.output<typeof execSchema>,
    signal: AbortSignal,
  ): Promise<BoxExecResult> {
    return this.#run(await this.#execCall(caller, input), boxExecResultSchema, signal);
  }

  /** The same as server-sent events of the box. */
  async execStream(
    caller: Caller,
    input: z.output<typeof execSchema>,
    signal: AbortSignal,
  ): Promise<EventReply> {
    return this.#stream(await this.#execCall(caller, input), signal);
  }

  async code(
    caller: Caller,
    input: z.output<typeof codeSchema>,
    signal: AbortSignal,
  ): Promise<BoxExecResult | BoxContextResult> {
    const schema = input.context === undefined ? boxExecResultSchema : boxContextResultSchema;
    return this.#run(await this.#codeCall(caller, input), schema, signal);
  }

  async codeStream(
    caller: Caller,
    input: z.output<typeof codeSchema>,
    signal: AbortSignal,
  ): Promise<EventReply> {
    return this.#stream(await this.#codeCall(caller, input), signal);
  }

  async #execCall(caller: Caller, input: z.output<typeof execSchema>): Promise<Call> {
    const { id, timeout, stdinEncoding, ...command } = input;
    const row = await this.#sandboxes.findWorking(caller, id);
    const path = stdinEncoding === 'base64' ? '/exec/stdin-base64' : '/exec';
    return { row, path, json: { ...command, timeoutMs: timeout }, timeout };
  }

  async #codeCall(caller: Caller, input: z.output<typeof codeSchema>): Promise<Call> {
    const { id, code, timeout, context } = input;
    const row = await this.#sandboxes.findWorking(caller, id);
    const common = { row, timeout };
    if (context !== undefined) {
      if (input.language !== undefined)
        throw new ApiError('INVALID_REQUEST', 'Leave language out: the context has one.');
      return { ...common, path: `/contexts/${context}/run`, json: { code, timeoutMs: timeout } };
    }
    const language = input.language ?? defaultLanguages[row.runtime];
    return { ...common, path: '/code', json: { code, language, timeoutMs: timeout } };
  }

  async #run<T extends z.ZodType>(call: Call, schema: T, signal: AbortSignal): Promise<z.output<T>> {
    const done = this.#activity.begin(call.row.id);
    try {
      return await this.#boxes.json(call.row, schema, { ...toBoxCall(call), signal });
    } finally {
      done();
    }
  }

  async #stream(call: Call, signal: AbortSignal): Promise<EventReply> {
    const done = this.#activity.begin(call.row.id);
    try {
      const boxCall = toBoxCall(call);
      const headers = { accept: 'text/event-stream' };
      const { body } = await this.#boxes.stream(call.row, { ...boxCall, headers, signal });
      return { body, onEnd: done };
    } catch (error) {
      done();
      throw error;
    }
  }
}

/** Events of a box; the caller consumes or destroys the body, and then says that it is over. */
export interface EventReply {
  body: Dispatcher.ResponseData['body'];
  onEnd: () => void;
}

interface Call {
  row: SandboxRow;
  path: string;
  json: unknown;
  timeout: number;
}

function toBoxCall({ path, json, timeout }: Call): BoxCall {
  return { method: 'POST', path, json, timeoutMs: timeout + REPLY_GRACE_MS };
}

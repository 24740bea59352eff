import type {
  processOutputQuerySchema,
  processSignalSchema,
  processStartSchema,
  processStdinSchema,
  processWaitSchema,
} from '@banata/protocol';
import {
  boxProcessListSchema,
  boxProcessOutputSchema,
  boxProcessSchema,
  boxProcessStdinReplySchema,
  type BoxProcess,
  type BoxProcessOutput,
} from '@banata/protocol/box';
import type { Dispatcher } from 'undici';
import type { z } from 'zod';
import type { BoxCall } from '../boxes/box-client.ts';
import type { Boxes } from '../boxes/boxes.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

const TIMEOUT_MS = 20_000;
/** A followed stream sends a heartbeat every 10 s. */
const SILENCE_MS = 30_000;

/** Background processes. The box keeps them; the server holds nothing, so they outlive it. */
export class ProcessService {
  readonly #sandboxes: SandboxService;
  readonly #boxes: Boxes;
  readonly #activity: ActivityService;

  constructor(sandboxes: SandboxService, boxes: Boxes, activity: ActivityService) {
    this.#sandboxes = sandboxes;
    this.#boxes = boxes;
    this.#activity = activity;
  }

  async start(caller: Caller, input: z.output<typeof processStartSchema>): Promise<BoxProcess> {
    const { id, ...json } = input;
    return this.#call(await this.#working(caller, id), boxProcessSchema, {
      method: 'POST',
      path: '/processes',
      json,
    });
  }

  async list(caller: Caller, id: string): Promise<{ processes: BoxProcess[] }> {
    const row = await this.#sandboxes.findWorking(caller, id);
    return this.#call(row, boxProcessListSchema, { method: 'GET', path: '/processes' });
  }

  async get(caller: Caller, id: string, processId: string): Promise<BoxProcess> {
    const row = await this.#sandboxes.findWorking(caller, id);
    return this.#call(row, boxProcessSchema, { method: 'GET', path: `/processes/${processId}` });
  }

  async output(
    caller: Caller,
    { id, processId, ...query }: z.output<typeof processOutputQuerySchema>,
  ): Promise<BoxProcessOutput> {
    return this.#call(await this.#working(caller, id), boxProcessOutputSchema, {
      method: 'GET',
      path: `/processes/${processId}/output`,
      query: texts(query),
    });
  }

  /** The output as server-sent events of the box; the caller consumes or destroys the body. */
  async follow(
    caller: Caller,
    input: z.output<typeof processOutputQuerySchema> & { lastEventId: string | undefined },
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData & { onEnd: () => void }> {
    const row = await this.#working(caller, input.id);
    const { stdoutOffset, stderrOffset, lastEventId } = input;
    const reply = await this.#boxes.stream(row, {
      method: 'GET',
      path: `/processes/${input.processId}/output`,
      query: texts({ stdoutOffset, stderrOffset }),
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      timeoutMs: SILENCE_MS,
      signal,
    });
    return { ...reply, body: reply.body, onEnd: this.#activity.begin(row.id) };
  }

  async stdin(
    caller: Caller,
    { id, processId, ...json }: z.output<typeof processStdinSchema>,
  ): Promise<{ written: number }> {
    return this.#call(await this.#working(caller, id), boxProcessStdinReplySchema, {
      method: 'POST',
      path: `/processes/${processId}/stdin`,
      json,
    });
  }

  async signal(
    caller: Caller,
    { id, processId, signal }: z.output<typeof processSignalSchema>,
  ): Promise<BoxProcess> {
    return this.#call(await this.#working(caller, id), boxProcessSchema, {
      method: 'POST',
      path: `/processes/${processId}/signal`,
      json: { signal },
    });
  }

  async wait(
    caller: Caller,
    { id, processId, timeout }: z.output<typeof processWaitSchema>,
    signal: AbortSignal,
  ): Promise<BoxProcess> {
    const row = await this.#working(caller, id);
    const done = this.#activity.begin(row.id);
    try {
      return await this.#boxes.json(row, boxProcessSchema, {
        method: 'GET',
        path: `/processes/${processId}/wait`,
        query: { timeoutMs: String(timeout) },
        timeoutMs: timeout + TIMEOUT_MS,
        signal,
      });
    } finally {
      done();
    }
  }

  async #working(caller: Caller, id: string): Promise<SandboxRow> {
    const row = await this.#sandboxes.findWorking(caller, id);
    this.#activity.touch(row.id);
    return row;
  }

  #call<T extends z.ZodType>(
    row: SandboxRow,
    schema: T,
    call: Omit<BoxCall, 'timeoutMs'>,
  ): Promise<z.output<T>> {
    return this.#boxes.json(row, schema, { ...call, timeoutMs: TIMEOUT_MS });
  }
}

function texts(values: Record<string, number>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

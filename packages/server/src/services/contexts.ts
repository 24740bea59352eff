import type { contextCreateSchema } from '@banata/protocol';
import { boxContextListSchema, boxContextSchema, type BoxContext } from '@banata/protocol/box';
import { z } from 'zod';
import type { Boxes } from '../boxes/boxes.ts';
import type { Caller } from './access.ts';
import type { ActivityService } from './activity.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

/** An interpreter starts within a few seconds; a loaded machine gets more. */
const START_TIMEOUT_MS = 65_000;
const TIMEOUT_MS = 15_000;

const okSchema = z.object({ ok: z.literal(true) });

/** Interpreters that are kept between calls. Code is run in them by {@link ExecutionService.code}. */
export class ContextService {
  readonly #sandboxes: SandboxService;
  readonly #boxes: Boxes;
  readonly #activity: ActivityService;

  constructor(sandboxes: SandboxService, boxes: Boxes, activity: ActivityService) {
    this.#sandboxes = sandboxes;
    this.#boxes = boxes;
    this.#activity = activity;
  }

  async create(caller: Caller, input: z.output<typeof contextCreateSchema>): Promise<BoxContext> {
    const { id, ...json } = input;
    const row = await this.#working(caller, id);
    return this.#boxes.json(row, boxContextSchema, {
      method: 'POST',
      path: '/contexts',
      json,
      timeoutMs: START_TIMEOUT_MS,
    });
  }

  async list(caller: Caller, id: string): Promise<{ contexts: BoxContext[] }> {
    const row = await this.#sandboxes.findWorking(caller, id);
    const call = { method: 'GET', path: '/contexts', timeoutMs: TIMEOUT_MS } as const;
    return this.#boxes.json(row, boxContextListSchema, call);
  }

  async remove(caller: Caller, id: string, context: string): Promise<{ ok: true }> {
    const row = await this.#working(caller, id);
    const call = { method: 'DELETE', path: `/contexts/${context}`, timeoutMs: TIMEOUT_MS } as const;
    return this.#boxes.json(row, okSchema, call);
  }

  async command(
    caller: Caller,
    { id, context }: { id: string; context: string },
    command: 'interrupt' | 'restart',
  ): Promise<BoxContext> {
    const row = await this.#working(caller, id);
    return this.#boxes.json(row, boxContextSchema, {
      method: 'POST',
      path: `/contexts/${context}/${command}`,
      json: {},
      timeoutMs: START_TIMEOUT_MS,
    });
  }

  async #working(caller: Caller, id: string) {
    const row = await this.#sandboxes.findWorking(caller, id);
    this.#activity.touch(row.id);
    return row;
  }
}

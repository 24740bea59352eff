import type { codeSchema, execSchema } from '@banata/protocol';
import {
  boxExecResultSchema,
  type BoxExecResult,
  type CodeLanguage,
  type Runtime,
} from '@banata/protocol/box';
import type { z } from 'zod';
import type { Boxes } from '../boxes/boxes.ts';
import type { ActivityService } from './activity.ts';
import type { Caller } from './access.ts';
import type { SandboxService } from './sandboxes/sandbox-service.ts';

/** The box ends a command at its timeout; the server waits this much longer for the word of it. */
const REPLY_GRACE_MS = 5_000;

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
    const { id, timeout, ...command } = input;
    return this.#run(caller, id, {
      path: '/exec',
      json: { ...command, timeoutMs: timeout },
      timeout,
      signal,
    });
  }

  async code(
    caller: Caller,
    input: z.output<typeof codeSchema>,
    signal: AbortSignal,
  ): Promise<BoxExecResult> {
    const row = await this.#sandboxes.findWorking(caller, input.id);
    const json = {
      code: input.code,
      language: input.language ?? defaultLanguages[row.runtime],
      timeoutMs: input.timeout,
    };
    return this.#run(caller, input.id, { path: '/code', json, timeout: input.timeout, signal });
  }

  async #run(
    caller: Caller,
    id: string,
    call: { path: string; json: unknown; timeout: number; signal: AbortSignal },
  ): Promise<BoxExecResult> {
    const row = await this.#sandboxes.findWorking(caller, id);
    const done = this.#activity.begin(row.id);
    try {
      return await this.#boxes.json(row, boxExecResultSchema, {
        method: 'POST',
        path: call.path,
        json: call.json,
        timeoutMs: call.timeout + REPLY_GRACE_MS,
        signal: call.signal,
      });
    } finally {
      done();
    }
  }
}

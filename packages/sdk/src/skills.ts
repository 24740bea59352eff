import { newIdempotencyKey } from './idempotency-key.ts';
import type { Transport } from './transport.ts';
import type { CallOptions, CreateCallOptions, JsonValue, PromptAsyncReply, Skill } from './types.ts';

/** Options of {@link Skills.create}. */
export interface CreateSkillOptions {
  /** 1 to 100 letters, digits, spaces, ".", "_" and "-"; one skill of the organization has it. */
  name: string;
  /** Default: the result of the task. */
  description?: string;
  /** Default: origin of the first recorded page. */
  site?: string;
  /** With `taskId`: the task to make the skill from. It must have completed. */
  sandboxId?: string;
  /** With `sandboxId`. Default: none, so that `recipe` is needed. */
  taskId?: string;
  /** Without a task, or in place of the text of its report. */
  recipe?: string;
  /** What differs from run to run: name of the input → the value it had in the recorded task. */
  inputs?: Record<string, string>;
}

/** Options of {@link Skills.run}. */
export interface RunSkillOptions extends CreateCallOptions {
  /** Values of the skill’s inputs; others keep their defaults, and secrets have none. */
  inputs?: Record<string, string>;
  /** Asked where a step does not fit any more. Default: the sandbox’s small model. */
  model?: string;
  /** Free-form; comes back with the task and its events. */
  metadata?: Record<string, JsonValue>;
  /** A task whose model uses more is ended as failed, `BUDGET_EXCEEDED`. */
  budget?: { requests?: number; tokens?: number; costUsd?: number };
  /** Longest time for the task, ms. Default 1,800,000. */
  timeoutMs?: number;
}

/** A page of skills, newest first. */
export interface SkillPage {
  data: Skill[];
  /** Give it as `cursor` for the next page; null on the last one. */
  nextCursor: string | null;
}

/** Skills: what a task did in the browser, saved to be done again, mostly without a model. */
export class Skills {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * @throws BanataError `TASK_NOT_FOUND`, `SKILL_EXISTS`, `SKILL_LIMIT_REACHED`.
   * @example
   * ```ts
   * const skill = await banata.skills.create({
   *   name: 'order', sandboxId: sandbox.id, taskId, inputs: { email: 'ada@example.org' },
   * });
   * ```
   */
  create(options: CreateSkillOptions, call: CallOptions = {}): Promise<Skill> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/skills',
      json: options,
      signal: call.signal,
    });
  }

  /** @throws BanataError `SKILL_NOT_FOUND`. */
  get(id: string, call: CallOptions = {}): Promise<Skill> {
    return this.#transport.json({ method: 'GET', path: '/v1/skills', query: { id }, signal: call.signal });
  }

  /** @param options.limit Default 50, at most 200. */
  list(options: CallOptions & { limit?: number; cursor?: string } = {}): Promise<SkillPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/skills', query, signal });
  }

  /** Tasks that run it go on. @throws BanataError `SKILL_NOT_FOUND`. */
  async delete(id: string, call: CallOptions = {}): Promise<void> {
    await this.#transport.json({ method: 'DELETE', path: '/v1/skills', query: { id }, signal: call.signal });
  }

  /**
   * Runs a skill in a sandbox as a task and returns at once. The task’s `replay` tells what became of each step.
   * @throws BanataError `SKILL_NOT_FOUND`, `BROWSER_NOT_ENABLED`, `AGENT_NOT_ENABLED`, `MODEL_NOT_CONFIGURED`.
   * @example
   * ```ts
   * const { taskId } = await banata.skills.run(sandbox.id, skill.id, { inputs: { email: 'eve@example.org' } });
   * const { replay } = await sandbox.waitForTask(taskId);
   * console.log(replay?.modelSteps, replay?.tokensSaved);
   * ```
   */
  run(sandboxId: string, skillId: string, options: RunSkillOptions = {}): Promise<PromptAsyncReply> {
    const { signal, idempotencyKey = newIdempotencyKey(), ...body } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/agent/skills/run',
      json: { ...body, id: sandboxId, skillId },
      headers: { 'idempotency-key': idempotencyKey },
      safety: 'idempotent',
      signal,
    });
  }
}

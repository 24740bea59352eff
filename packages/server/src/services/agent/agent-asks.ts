import { boxAsksSchema, type BoxAsks } from '@banata/protocol/box';
import { z } from 'zod';
import type { Boxes } from '../../boxes/boxes.ts';
import { storableText } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import type { ActivityService } from '../activity.ts';
import { requireWorking } from '../sandboxes/sandbox-service.ts';
import type { AgentService } from './agent-service.ts';

const TIMEOUT_MS = 15_000;

/** What the agent asks people, and their answers. The agent keeps both: an answer counts once it has it. */
export class AgentAsks {
  readonly #deps: { agent: AgentService; boxes: Boxes; activity: ActivityService };

  constructor(deps: { agent: AgentService; boxes: Boxes; activity: ActivityService }) {
    this.#deps = deps;
  }

  async list(caller: Caller, id: string): Promise<BoxAsks> {
    const row = requireWorking(await this.#deps.agent.requireAgent(caller, id));
    return this.#deps.boxes.json(row, boxAsksSchema, {
      method: 'GET',
      path: '/agent/asks',
      timeoutMs: TIMEOUT_MS,
    });
  }

  /** @throws {ApiError} ASK_NOT_FOUND when the agent does not wait for it (any more). */
  answerPermission(
    caller: Caller,
    {
      id,
      permissionId,
      ...reply
    }: { id: string; permissionId: string; answer: string; message?: string | undefined },
  ): Promise<{ ok: true }> {
    return this.#answer(caller, id, `permissions/${encodeURIComponent(storableText(permissionId))}`, reply);
  }

  /** @throws {ApiError} ASK_NOT_FOUND when the agent does not wait for it (any more). */
  answerQuestion(
    caller: Caller,
    { id, questionId, answers }: { id: string; questionId: string; answers: string[][] | null },
  ): Promise<{ ok: true }> {
    return this.#answer(caller, id, `questions/${encodeURIComponent(storableText(questionId))}`, { answers });
  }

  async #answer(caller: Caller, id: string, ask: string, reply: object): Promise<{ ok: true }> {
    const row = requireWorking(await this.#deps.agent.requireAgent(caller, id));
    this.#deps.activity.touch(row.id);
    await this.#deps.boxes.json(row, z.object({}), {
      method: 'POST',
      path: `/agent/asks/${ask}`,
      json: reply,
      timeoutMs: TIMEOUT_MS,
    });
    return { ok: true };
  }
}

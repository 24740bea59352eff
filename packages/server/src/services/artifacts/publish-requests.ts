import { ApiError } from '@banata/protocol';
import { boxPublishTakenSchema, type BoxPublish, type BoxPublishOutcome } from '@banata/protocol/box';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import type { ArtifactService } from '../artifacts.ts';
import type { Background } from '../background.ts';
import { toApiError } from '../failures.ts';

const MAX_AT_ONCE = 4;
const ANSWER_TIMEOUT_MS = 15_000;

export interface PublishRequestsDeps {
  artifacts: ArtifactService;
  boxes: Boxes;
  background: Background;
  logger: Logger;
}

/** Publishes what the agent in a sandbox asks for, and answers the box. */
export class PublishRequests {
  readonly #deps: PublishRequestsDeps;
  /** Ids of requests under way, by sandbox. */
  readonly #running = new Map<string, Set<string>>();

  constructor(deps: PublishRequestsDeps) {
    this.#deps = deps;
  }

  /** Begins with a request. One that is under way, and more than a few at once, are left: the box asks again. */
  take(sandbox: SandboxRow, { requestId, ...wanted }: BoxPublish & { requestId: string }): void {
    const running = this.#running.get(sandbox.id) ?? new Set();
    if (running.has(requestId) || running.size >= MAX_AT_ONCE) return;
    this.#running.set(sandbox.id, running.add(requestId));
    this.#deps.background.run('publish-request', async (signal) => {
      try {
        await this.#answer(sandbox, requestId, await this.#publish(sandbox, wanted, signal));
      } finally {
        running.delete(requestId);
        if (running.size === 0) this.#running.delete(sandbox.id);
      }
    });
  }

  async #publish(sandbox: SandboxRow, wanted: BoxPublish, signal: AbortSignal): Promise<BoxPublishOutcome> {
    try {
      const { key, size } = await this.#deps.artifacts.publishFromBox(sandbox, wanted, signal);
      return { ok: true, key, size };
    } catch (error) {
      signal.throwIfAborted();
      const known = toApiError(error);
      if (known.code === 'INTERNAL')
        this.#deps.logger.error({ event: 'publish-request.failed', err: error }, 'publishing failed');
      return { ok: false, error: known.message };
    }
  }

  async #answer(sandbox: SandboxRow, requestId: string, outcome: BoxPublishOutcome): Promise<void> {
    const call = {
      method: 'PUT',
      path: `/agent/artifacts/${requestId}`,
      json: outcome,
      timeoutMs: ANSWER_TIMEOUT_MS,
    } as const;
    await this.#deps.boxes.json(sandbox, boxPublishTakenSchema, call).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      // Whoever asked is gone, or asks again.
      this.#deps.logger.debug({ event: 'publish-request.unheard', err: error }, 'nobody took the answer');
    });
  }
}

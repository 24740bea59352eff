import type { BoxPublish, BoxPublishOutcome } from '@banata/protocol/box';
import { randomBytes } from 'node:crypto';
import type { EventPublisher } from '../events/publisher.ts';

const MAX_OPEN = 4;
/** A server that was killed forgets a request; the next one gets it by this. */
const ASK_AGAIN_MS = 30_000;
const TIMEOUT_MS = 35 * 60_000;

export interface PublishDeskOptions {
  publisher: Pick<EventPublisher, 'publish'>;
  /** Default 30 seconds. */
  askAgainMs?: number;
}

/**
 * Passes requests to publish on to the server, which reads the box's journal, and the outcome back. The server does the
 * same request once while it is under way; done twice, it replaces the artifact by itself.
 */
export class PublishDesk {
  readonly #options: PublishDeskOptions;
  readonly #open = new Map<string, (outcome: BoxPublishOutcome) => void>();

  constructor(options: PublishDeskOptions) {
    this.#options = options;
  }

  /** Resolves to what became of it. The signal aborts when the asker goes away. */
  async ask(wanted: BoxPublish, signal: AbortSignal): Promise<BoxPublishOutcome> {
    if (this.#open.size >= MAX_OPEN)
      return refused(`${MAX_OPEN} files are being published already; wait for one`);
    const requestId = randomBytes(16).toString('hex');
    const { promise, resolve } = Promise.withResolvers<BoxPublishOutcome>();
    this.#open.set(requestId, resolve);
    const ask = (): void =>
      void this.#options.publisher.publish({ type: 'artifact.requested', data: { requestId, ...wanted } });
    const again = setInterval(ask, this.#options.askAgainMs ?? ASK_AGAIN_MS);
    const timeout = setTimeout(() => resolve(refused('the server gave no answer in time')), TIMEOUT_MS);
    const gone = (): void => resolve(refused('nobody waits any more'));
    signal.addEventListener('abort', gone, { once: true });
    try {
      ask();
      return await promise;
    } finally {
      clearInterval(again);
      clearTimeout(timeout);
      signal.removeEventListener('abort', gone);
      this.#open.delete(requestId);
    }
  }

  /** @returns false when nobody waits for it. */
  answer(requestId: string, outcome: BoxPublishOutcome): boolean {
    const resolve = this.#open.get(requestId);
    resolve?.(outcome);
    return resolve !== undefined;
  }

  close(): void {
    for (const resolve of this.#open.values()) resolve(refused('the agent was stopped'));
  }
}

function refused(error: string): BoxPublishOutcome {
  return { ok: false, error };
}

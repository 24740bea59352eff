import { randomBytes } from 'node:crypto';
import type { BoxHandoffWish } from '@banata/protocol/box';
import type { EventSink } from '../../services.ts';
import type { Holds } from './holds.ts';

export interface HandoffDeskOptions {
  events: EventSink;
  holds: Holds;
  /** Ids of the tasks that run now. */
  runningTasks: () => string[];
}

/** Takes the agent's requests for a person. The server decides the rest; nothing here waits for it. */
export class HandoffDesk {
  readonly #options: HandoffDeskOptions;

  constructor(options: HandoffDeskOptions) {
    this.#options = options;
  }

  /** Records the request, and holds what waits from now on. @returns its id and the task that asks, if it is exactly one. */
  async request(wish: BoxHandoffWish): Promise<{ requestId: string; taskId: string | null }> {
    const { events, holds, runningTasks } = this.#options;
    const running = runningTasks();
    const taskId = running.length === 1 ? (running[0] ?? null) : null;
    const requestId = randomBytes(16).toString('hex');
    await holds.set(requestId, true);
    try {
      await events.append({ type: 'handoff.requested', data: { ...wish, requestId, taskId } });
    } catch (error) {
      await holds.set(requestId, false);
      throw error;
    }
    return { requestId, taskId };
  }
}

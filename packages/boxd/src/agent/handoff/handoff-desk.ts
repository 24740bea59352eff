import type { BoxHandoffWish } from '@banata/protocol/box';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSink } from '../../services.ts';
import type { RunningCommands } from '../tasks/running-commands.ts';
import type { Holds } from './holds.ts';

export interface HandoffDeskOptions {
  events: EventSink;
  holds: Holds;
  /** Ids of the tasks that run now. */
  runningTasks: () => string[];
  /** Commands that they run now. */
  commands: Pick<RunningCommands, 'list'>;
  /** Longest wait for word of the command that asks, ms. Default 2,000. */
  commandWaitMs?: number;
}

const COMMAND = 'banata-request-handoff';
const COMMAND_WAIT_MS = 2_000;
const COMMAND_POLL_MS = 20;

/** Takes the agent's requests for a person. The server decides the rest; nothing here waits for it. */
export class HandoffDesk {
  readonly #options: HandoffDeskOptions;
  /** Tool calls that a request was put down to. */
  readonly #known = new Set<string>();

  constructor(options: HandoffDeskOptions) {
    this.#options = options;
  }

  /** Records the request, and holds what waits from now on. @returns its id and the task that asks, where it can be told. */
  async request(wish: BoxHandoffWish): Promise<{ requestId: string; taskId: string | null }> {
    const { events, holds } = this.#options;
    const requestId = randomBytes(16).toString('hex');
    await holds.set(requestId, true);
    try {
      const taskId = await this.#whoAsks(wish);
      await events.append({ type: 'handoff.requested', data: { ...wish, requestId, taskId } });
      return { requestId, taskId };
    } catch (error) {
      await holds.set(requestId, false);
      throw error;
    }
  }

  /** Of several tasks that run, the one whose command this is. */
  async #whoAsks({ message }: BoxHandoffWish): Promise<string | null> {
    const { runningTasks, commands, commandWaitMs = COMMAND_WAIT_MS } = this.#options;
    const deadline = performance.now() + commandWaitMs;
    for (;;) {
      const running = runningTasks();
      if (running.length <= 1) return running[0] ?? null;
      const present = commands.list();
      for (const id of this.#known) if (!present.some((command) => command.id === id)) this.#known.delete(id);
      const asking = present.filter(({ id, command }) => command.includes(COMMAND) && !this.#known.has(id));
      // Of two that ask in the same words it does not matter which is which.
      const found =
        asking.find(({ command }) => plain(command).includes(plain(message))) ??
        (asking.length === 1 ? asking[0] : undefined);
      if (found) {
        this.#known.add(found.id);
        return found.taskId;
      }
      // The command may be here before the word of its tool call.
      if (performance.now() > deadline) return null;
      await sleep(COMMAND_POLL_MS);
    }
  }
}

/** Without what a shell takes quotes and escapes for. */
function plain(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}]/gu, '');
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { ModelUsageStore } from '../../stores/model-usage-store.ts';
import type { TaskSpendingStore } from '../../stores/task-spending-store.ts';
import type { TaskStore } from '../../stores/task-store.ts';
import { storableText } from '../../stores/text.ts';
import { chargeTo, mayBeNew, problemOfTask, type ChargedTask } from './charge-to.ts';
import type { ModelUsage } from './gateway.ts';
import type { PriceTable } from './price-table.ts';
import { GatewayError } from './provider-error.ts';

/** How long a call waits until the row of its task names its session. */
const SESSION_WAIT_MS = 500;
const SESSION_POLL_MS = 20;
/** Figures come with the end of a call, so this many may still be under way when a bound is reached. */
const CALLS_AT_ONCE = 4;

export interface ModelAccountsDeps {
  usage: ModelUsageStore;
  spending: TaskSpendingStore;
  tasks: Pick<TaskStore, 'stop'>;
  prices: PriceTable;
}

/** Holds tasks to their budgets at the model gateway, where nothing in a sandbox gets around them, and keeps the books. */
export class ModelAccounts {
  readonly #deps: ModelAccountsDeps;

  constructor(deps: ModelAccountsDeps) {
    this.#deps = deps;
  }

  /**
   * Counts a request on the budgets it falls under. A task that has used up its own is ended.
   * @param call `sessions` as for {@link chargeTo}, and how many calls of the sandbox are under way, this one included.
   * @returns the tasks; null where none has a budget.
   * @throws {GatewayError} 402, 429.
   */
  async admit(
    sandboxId: string,
    { sessions, underWay }: { sessions: readonly string[]; underWay: number },
  ): Promise<string[] | null> {
    const { spending, tasks: taskStore } = this.#deps;
    let tasks = await spending.listCharged(sandboxId);
    if (!tasks.some(hasBudget)) return null;
    const deadline = performance.now() + SESSION_WAIT_MS;
    while (mayBeNew(tasks, sessions) && performance.now() < deadline) {
      await sleep(SESSION_POLL_MS);
      tasks = await spending.listCharged(sandboxId);
    }
    const charged = chargeTo(tasks, sessions);
    if (!charged.some(hasBudget)) return null;
    if (underWay > CALLS_AT_ONCE && charged.some(isMeasured)) {
      const message = `This sandbox has ${underWay - 1} model calls under way, the most while a task has a budget of tokens or dollars. Wait for one to end.`;
      throw new GatewayError(429, message, { 'retry-after': '1' });
    }
    const ids = charged.map(({ id }) => id);
    const refused = await spending.reserve(ids, problemOfTask);
    for (const { id, problem } of refused) await taskStore.stop(sandboxId, id, errorOf(problem));
    if (refused[0]) throw new GatewayError(402, refused[0].problem);
    return ids;
  }

  /** Enters a call that was answered. */
  async record(sandboxId: string, call: ModelUsage): Promise<void> {
    const { usage, spending, prices } = this.#deps;
    const names = [call.requestedModel, call.model];
    const model = storableText(call.requestedModel ?? call.model ?? 'unknown');
    const tokens = (call.inputTokens ?? 0) + (call.outputTokens ?? 0);
    const isFree = call.status >= 400 || call.isDemo;
    const costUsd = isFree ? 0 : prices.costOf(call, names);
    await usage.add(sandboxId, {
      model: storableText(call.model ?? call.requestedModel ?? 'unknown'),
      inputTokens: call.inputTokens ?? 0,
      outputTokens: call.outputTokens ?? 0,
      costUsd: costUsd ?? 0,
      durationMs: call.durationMs,
    });
    if (call.operation === 'models') return;
    const ids = call.taskIds ?? (await this.#chargedBy(sandboxId, call.sessions));
    await spending.add(ids, { tokens, costUsd, model }, call.taskIds !== null);
  }

  async #chargedBy(sandboxId: string, sessions: readonly string[]): Promise<string[]> {
    return chargeTo(await this.#deps.spending.listCharged(sandboxId), sessions).map(({ id }) => id);
  }
}

function hasBudget({ budget }: ChargedTask): boolean {
  return budget !== null;
}

function isMeasured({ budget }: ChargedTask): boolean {
  return (budget?.tokens ?? budget?.costUsd) !== undefined;
}

function errorOf(problem: string): { code: string; message: string } {
  return { code: problem.split(':')[0] ?? 'BUDGET_EXCEEDED', message: problem };
}

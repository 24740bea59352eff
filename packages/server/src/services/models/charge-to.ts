import type { PromptBudget } from '@banata/protocol';
import type { TaskRow } from '../../database/tables/agent.ts';

/** What the gateway knows of a task. */
export type ChargedTask = Pick<
  TaskRow,
  | 'id'
  | 'session_id'
  | 'status'
  | 'budget'
  | 'finished_at'
  | 'spent_requests'
  | 'spent_tokens'
  | 'spent_cost_usd'
  | 'spent_unpriced'
>;

/**
 * Whose budgets a model call counts on: the task of the agent session that it names; else, as any program of the
 * sandbox may be a task's, all that run; else the last one, should something of it still run.
 * @param tasks of the sandbox that have not finished, and the newest that was begun, in order of arrival.
 * @param sessions the session, and that of the agent it is a part of.
 */
export function chargeTo<T extends ChargedTask>(tasks: readonly T[], sessions: readonly string[]): T[] {
  const open = tasks.filter((task) => task.finished_at === null);
  const ofSession = open.filter(({ session_id: id }) => id !== null && sessions.includes(id));
  const named = ofSession.find(isBegun) ?? ofSession[0];
  if (named !== undefined) return [named];
  const begun = open.filter(isBegun);
  if (begun.length > 0) return begun;
  // The box may have begun it before its row says so.
  if (sessions.length > 0 && open[0] !== undefined) return [open[0]];
  return tasks.filter((task) => task.finished_at !== null && task.budget !== null).slice(-1);
}

function isBegun({ status }: ChargedTask): boolean {
  return status === 'running' || status === 'waiting_for_human';
}

/** Whether the session a call names may be that of a task whose row does not name it yet. */
export function mayBeNew(tasks: readonly ChargedTask[], sessions: readonly string[]): boolean {
  const isKnown = tasks.some(({ session_id: id }) => id !== null && sessions.includes(id));
  return sessions.length > 0 && !isKnown && tasks.some((task) => task.session_id === null);
}

/**
 * Why a task may call no model any more, its error code first; null while it may.
 * @param spent what was used of its budget.
 */
export function problemOfTask({ budget, ...spent }: ChargedTask): string | null {
  const { requests = Infinity, tokens = Infinity, costUsd } = budget ?? {};
  const over = (used: string): string =>
    `BUDGET_EXCEEDED: the task used ${used}, all that its budget allows; give it a smaller goal or a larger budget`;
  if (spent.spent_requests >= requests) return over(`${spent.spent_requests} model requests`);
  if (spent.spent_tokens >= tokens) return over(`${spent.spent_tokens} of ${tokens} tokens`);
  if (costUsd === undefined) return null;
  if (spent.spent_cost_usd >= costUsd) return over(`$${spent.spent_cost_usd.toFixed(6)} of $${costUsd}`);
  if (spent.spent_unpriced === 0) return null;
  return 'COST_UNKNOWN: the task has a budget in dollars, but neither its provider nor the price table of this server tells what its model costs; give a budget in tokens, or have the operator add the model to BANATA_MODEL_PRICES_FILE';
}

const LEAST_COST_USD = 0.000001;

/** What a task that goes on for another may use: what that one left, and at least so much that it begins. */
export function budgetLeft(
  spent: Pick<ChargedTask, 'spent_requests' | 'spent_tokens' | 'spent_cost_usd'>,
  { requests, tokens, costUsd }: PromptBudget,
): PromptBudget {
  return {
    ...(requests === undefined ? {} : { requests: Math.max(1, requests - spent.spent_requests) }),
    ...(tokens === undefined ? {} : { tokens: Math.max(1, tokens - spent.spent_tokens) }),
    ...(costUsd === undefined ? {} : { costUsd: Math.max(LEAST_COST_USD, costUsd - spent.spent_cost_usd) }),
  };
}

import type { AgentTask } from '@banata/protocol';
import type { TaskRow } from '../../database/tables/agent.ts';

/** A task as the API and its events show it. */
export function toTask(row: TaskRow): AgentTask {
  return {
    taskId: row.id,
    sandboxId: row.sandbox_id,
    status: row.status,
    prompt: row.prompt,
    agent: row.agent,
    sessionId: row.session_id,
    metadata: row.metadata,
    model: row.model,
    files: row.files,
    resultText: row.result_text,
    structured: row.structured,
    filesChanged: row.files_changed,
    report: row.report,
    skillId: row.skill_id,
    replay: row.replay,
    error: row.error,
    usage: usageOf(row),
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

/** What the agent counted, with the cost as the model gateway saw it. */
function usageOf({ usage, spent_cost_usd: cost, spent_by_model: costs }: TaskRow): AgentTask['usage'] {
  if (cost === 0) return usage;
  const byModel = Object.entries(usage.byModel).map(
    ([model, amounts]) => [model, { ...amounts, costUsd: rounded(costs[model] ?? amounts.costUsd) }] as const,
  );
  return { ...usage, costUsd: rounded(cost), byModel: Object.fromEntries(byModel) };
}

/** To billionths of a dollar: sums of fractions are off by less. */
function rounded(costUsd: number): number {
  return Math.round(costUsd * 1e9) / 1e9;
}

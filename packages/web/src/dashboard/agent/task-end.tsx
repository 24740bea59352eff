import type { AgentTask } from '@banata-boxes/sdk';
import type { ReactNode } from 'react';
import { formatDuration } from '../format.ts';

const WORDS: Partial<Record<AgentTask['status'], string>> = {
  completed: 'Task completed',
  failed: 'Task failed',
  cancelled: 'Task cancelled',
};

/** How a task ended and what it took. */
export function TaskEnd({ task }: { task: AgentTask }): ReactNode {
  const took = (task.finishedAt ?? 0) - (task.startedAt ?? task.createdAt);
  const { inputTokens, outputTokens, modelCalls } = task.usage;
  return (
    <div className="flex flex-col gap-1 border-t border-dashed border-line pt-2 text-xs text-soft">
      <p>
        <span className={task.status === 'failed' ? 'font-medium text-bad' : 'font-medium text-ink'}>
          {WORDS[task.status] ?? task.status}
        </span>
        {` · ${formatDuration(took)} · ${modelCalls} model calls · ${(inputTokens + outputTokens).toLocaleString()} tokens`}
      </p>
      {task.error && (
        <p className="wrap-anywhere text-bad">
          {task.error.message} <span className="text-soft">({task.error.code})</span>
        </p>
      )}
    </div>
  );
}

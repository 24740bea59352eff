import type { TaskRow } from '../../database/tables/agent.ts';
import type { Tracing } from '../../tracing/tracing.ts';

/** The run of a task that has finished, as a span of the trace of the request that made the task. */
export function traceTask(tracing: Tracing, task: TaskRow): void {
  if (task.finished_at === null) return;
  tracing.record({
    name: 'agent.task',
    parent: task.traceparent ?? undefined,
    startAt: task.started_at ?? task.created_at,
    endAt: task.finished_at,
    failure: task.status === 'failed' ? failureCode(task.error?.code) : undefined,
    attributes: {
      'banata.organization.id': task.organization_id,
      'banata.sandbox.id': task.sandbox_id,
      'banata.task.id': task.id,
      'banata.task.status': task.status,
      'banata.task.queued_ms': task.started_at === null ? undefined : task.started_at - task.created_at,
    },
  });
}

/** The code comes from the sandbox, which may write anything. */
function failureCode(code: string | undefined): string {
  return code !== undefined && /^[A-Z][A-Z_]{0,63}$/.test(code) ? code : 'failed';
}

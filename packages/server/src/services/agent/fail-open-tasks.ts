import type { TaskStore } from '../../stores/task-store.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import { toTask } from './task-view.ts';
import { traceTask } from './trace-task.ts';

/** Fails the tasks of a sandbox that have not finished, since what ran them is gone. */
export async function failOpenTasks(
  { tasks, tracing, now }: { tasks: TaskStore; tracing: Tracing; now: () => number },
  sandboxId: string,
  error: { code: string; message: string },
): Promise<void> {
  for (const open of await tasks.listOpen(sandboxId)) {
    const ended = await tasks.transaction(sandboxId, async (tx) => {
      const failed = await tasks.updateOpen(tx, sandboxId, open.id, {
        status: 'failed',
        error: JSON.stringify(error),
        finished_at: now(),
      });
      if (!failed) return undefined;
      const event = { type: 'sandbox.agent.task.failed' as const, data: toTask(failed) };
      await tasks.appendEvents(tx, sandboxId, [event], now());
      return failed;
    });
    if (ended) traceTask(tracing, ended);
  }
}

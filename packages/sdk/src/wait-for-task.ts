import { BanataError } from './error.ts';
import { followEvents } from './follow-events.ts';
import type { Transport } from './transport.ts';
import type { AgentTask, BanataEvent, CallOptions } from './types.ts';
import { watch } from './watch.ts';

/** Options of `waitForTask`. */
export interface WaitForTaskOptions extends CallOptions {
  /** Longest wait, ms. Default 1,800,000 (30 minutes). The task itself goes on after a timeout. */
  timeoutMs?: number;
  /** Called with each event of the task, from its first one, in order. What it throws ends the wait. */
  onEvent?: (event: BanataEvent) => void;
}

const DEFAULT_WAIT_MS = 30 * 60_000;

/** Waits for the end of a task, whatever its outcome. */
export async function waitForTask(
  transport: Transport,
  id: string,
  taskId: string,
  options: WaitForTaskOptions,
): Promise<AgentTask> {
  const { onEvent, signal, timeoutMs = DEFAULT_WAIT_MS } = options;
  let callbackFailure: { error: unknown } | undefined;
  const notify = (event: BanataEvent): void => {
    try {
      onEvent?.(event);
    } catch (error) {
      callbackFailure = { error };
      throw error;
    }
  };
  const finished = await watch<AgentTask>({
    timeoutMs,
    signal,
    // Without a listener nobody misses what happened before.
    stream: (inner) =>
      followTask(transport, { id, taskId, after: onEvent ? 0 : undefined, signal: inner }, notify),
    poll: async (inner) => {
      const task = await getTask(transport, id, taskId, inner);
      return isFinished(task) ? task : undefined;
    },
    onTimeout: () =>
      new BanataError({
        status: 0,
        code: 'TIMEOUT',
        message: `Task ${taskId} did not end within ${timeoutMs} ms`,
        suggestion: 'Wait again with waitForTask(), or end the task with cancelTask().',
        details: { sandboxId: id, taskId },
      }),
  });
  if (callbackFailure) throw callbackFailure.error;
  return finished;
}

/** @throws BanataError `TASK_NOT_FOUND`. */
export function getTask(
  transport: Transport,
  id: string,
  taskId: string,
  signal: AbortSignal | undefined,
): Promise<AgentTask> {
  return transport.json({ method: 'GET', path: '/v1/sandboxes/agent/tasks', query: { id, taskId }, signal });
}

async function followTask(
  transport: Transport,
  where: { id: string; taskId: string; after: number | undefined; signal: AbortSignal },
  notify: (event: BanataEvent) => void,
): Promise<AgentTask | undefined> {
  const { id, taskId, after, signal } = where;
  for await (const event of followEvents(transport, { id, scope: 'agent', after, signal })) {
    if (!('taskId' in event.data) || event.data.taskId !== taskId) continue;
    notify(event);
    const task = finalTask(event);
    if (task) return task;
  }
  return undefined;
}

function finalTask(event: BanataEvent): AgentTask | undefined {
  switch (event.type) {
    case 'sandbox.agent.task.completed':
    case 'sandbox.agent.task.failed':
    case 'sandbox.agent.task.cancelled':
      return event.data;
    default:
      return undefined;
  }
}

function isFinished(task: AgentTask): boolean {
  return task.status === 'completed' || task.status === 'failed' || task.status === 'cancelled';
}

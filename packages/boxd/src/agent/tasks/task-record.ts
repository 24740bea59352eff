import {
  type BoxTask,
  boxTaskRequestSchema,
  boxTaskSchema,
  type BoxTaskRequest,
  type TaskUsage,
} from '@banata/protocol/box';
import { z } from 'zod';

/** What the journal keeps of a task. */
export const taskRecordSchema = z.object({
  version: z.literal(1),
  /** Order of arrival, over all tasks. */
  order: z.number(),
  request: boxTaskRequestSchema,
  task: boxTaskSchema,
  /**
   * Set before the prompt is handed to OpenCode, and from then on the prompt is never handed over again: a task found
   * with it after a crash is judged by what the session holds.
   */
  promptedAt: z.number().nullable(),
  /** Newest message of the session before the prompt; null in a new session. */
  lastMessageBefore: z.string().nullable(),
  /** The answer did not fit the response schema and was sent back; that happens once. */
  answerSentBack: z.boolean().default(false),
});
export type TaskRecord = z.infer<typeof taskRecordSchema>;

export const NO_USAGE: TaskUsage = {
  inputTokens: 0,
  outputTokens: 0,
  costUsd: 0,
  modelCalls: 0,
  byModel: {},
};

/** The record of a task that waits for its turn. @param order its place among the tasks of the box. */
export function newTaskRecord(taskId: string, request: BoxTaskRequest, order: number): TaskRecord {
  const task: BoxTask = {
    taskId,
    status: 'queued',
    sessionId: request.sessionId,
    resultText: null,
    structured: null,
    filesChanged: [],
    replay: null,
    error: null,
    heldBack: false,
    usage: NO_USAGE,
    startedAt: null,
    finishedAt: null,
  };
  return {
    version: 1,
    order,
    request,
    task,
    promptedAt: null,
    lastMessageBefore: null,
    answerSentBack: false,
  };
}

/** Whether the task has had its one end. */
export function isFinal(task: BoxTask): boolean {
  return task.status === 'completed' || task.status === 'failed' || task.status === 'cancelled';
}

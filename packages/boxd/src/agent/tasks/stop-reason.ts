import type { TaskError } from './task-error.ts';

/** Why a running turn is ended from outside; the reason of the task's abort signal. */
export type StopReason =
  | { kind: 'cancelled' }
  | { kind: 'failed'; error: TaskError }
  /** The daemon stops: the task stays as it is in the journal and is judged at the next start. */
  | { kind: 'shutdown' };

/** Carries a {@link StopReason} through an abort signal. */
export class TaskStopped extends Error {
  readonly why: StopReason;
  constructor(why: StopReason) {
    super(`task stopped: ${why.kind}`);
    this.name = 'TaskStopped';
    this.why = why;
  }
}

/** Why the work was stopped; null while it goes on, or when the abort had another cause. */
export function stopReasonOf(signal: AbortSignal): StopReason | null {
  return signal.reason instanceof TaskStopped ? signal.reason.why : null;
}

/** Bounds of one task, besides its own timeout. */
export interface TaskLimits {
  /** Model answers in one turn, those of subagents included. OpenCode itself has no hard bound. */
  modelCalls: number;
  /** Longest pause that OpenCode may make before it asks the model again: it obeys any Retry-After. */
  retryPauseMs: number;
  /** Time between looks at the session, besides those that events cause. */
  pollMs: number;
  /** How long an agent server may leave every look unanswered before it is ended. */
  unresponsiveMs: number;
  /** How long a session may rest without an answer before the turn counts as failed. */
  noAnswerMs: number;
  /** How long a session may take to come to rest after an abort, and before a prompt. */
  settleMs: number;
  /** How long a task waits for the agent server. */
  agentStartMs: number;
  /** How long the first prompts wait for the browser. */
  browserStartMs: number;
  /** Tasks that run at the same time, each in a session of its own. */
  parallelTasks: number;
}

export const TASK_LIMITS: TaskLimits = {
  modelCalls: 200,
  retryPauseMs: 120_000,
  pollMs: 1_000,
  unresponsiveMs: 60_000,
  noAnswerMs: 30_000,
  settleMs: 10_000,
  agentStartMs: 120_000,
  browserStartMs: 60_000,
  parallelTasks: 4,
};

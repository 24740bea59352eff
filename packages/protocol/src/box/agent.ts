import { z } from 'zod';
import { boxReplaySchema, browserStepSchema, MAX_STEPS, replayResultSchema } from './browser-steps.ts';

/** Status of the agent server's own reply, on replies of `/agent/server` and on refusals of its WebSockets. */
export const AGENT_STATUS_HEADER = 'x-banata-agent-status';

export const agentNameSchema = z.enum(['build', 'plan']);

/** What the model may use for one task; a bound that is left out is not there. */
export const taskBudgetSchema = z.strictObject({
  /** Requests to models. */
  requests: z.number().int().min(1).max(10_000).optional(),
  /** Input and output tokens together. */
  tokens: z.number().int().min(1).max(1_000_000_000).optional(),
});

/** Body of `PUT /agent/tasks/{taskId}`; the same task id again answers the task as it is and starts nothing. */
export const boxTaskRequestSchema = z.object({
  prompt: z.string(),
  /** OpenCode session to go on with; null starts a new one. */
  sessionId: z.string().nullable(),
  agent: agentNameSchema.nullable(),
  /** Text appended to the system prompt for this turn. */
  system: z.string().nullable(),
  timeoutMs: z.number().int().positive(),
  /** Add the prompt to the session as context, without a model turn. */
  noReply: z.boolean().default(false),
  /** One of the models of the configuration; null: its main one. */
  model: z.string().nullable().default(null),
  /** Files of the box that go with the prompt: absolute, or below the workspace. */
  files: z.array(z.string()).default([]),
  /** What a hold does to it: it waits, passes, or passes and goes before what waits. */
  whileHeld: z.enum(['wait', 'pass', 'first']).default('wait'),
  /** JSON schema that the final answer has to fit. */
  responseSchema: z.record(z.string(), z.json()).nullable().default(null),
  /** A task that goes over it is ended. */
  budget: taskBudgetSchema.nullable().default(null),
  /** Recorded steps to do first; the model is asked only where they do not fit. Null: an ordinary prompt. */
  replay: boxReplaySchema.nullable().default(null),
});
export type BoxTaskRequest = z.infer<typeof boxTaskRequestSchema>;

/** Body of `POST /agent/tasks/{taskId}/cancel`. */
export const boxCancelSchema = z.object({
  /** Ends the task as failed instead. */
  error: z.object({ code: z.enum(['BUDGET_EXCEEDED', 'COST_UNKNOWN']), message: z.string() }).optional(),
});

export const taskUsageSchema = z.object({
  inputTokens: z.number(),
  outputTokens: z.number(),
  costUsd: z.number(),
  /** Model requests that ended in a message. */
  modelCalls: z.number(),
  /** The same by model. */
  byModel: z
    .record(
      z.string(),
      z.object({
        inputTokens: z.number(),
        outputTokens: z.number(),
        costUsd: z.number(),
        modelCalls: z.number(),
      }),
    )
    .default({}),
});
export type TaskUsage = z.infer<typeof taskUsageSchema>;

/** A task names no more files than this as changed. */
export const MAX_FILES_CHANGED = 200;

export const boxTaskStatusSchema = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']);

export const boxTaskSchema = z.object({
  taskId: z.string(),
  status: boxTaskStatusSchema,
  sessionId: z.string().nullable(),
  /** Text of the last assistant message of the turn. */
  resultText: z.string().nullable(),
  /** The answer as JSON that fits the task's `responseSchema`; null without one. */
  structured: z.json().default(null),
  /** Files in the workspace that changed while the task ran, at most {@link MAX_FILES_CHANGED}. */
  filesChanged: z.array(z.string()).default([]),
  /** What became of the steps of a replay; null for an ordinary prompt. */
  replay: replayResultSchema.nullable().default(null),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** Whether its last use of the browser was refused since a person is asked for or has control. */
  heldBack: z.boolean().default(false),
  usage: taskUsageSchema,
  startedAt: z.number().nullable(),
  finishedAt: z.number().nullable(),
});
export type BoxTask = z.infer<typeof boxTaskSchema>;

export const taskReportSchema = z.object({
  result: z.string(),
  report: z.string(),
  url: z.string().optional(),
  stepsCompleted: z.number().optional(),
  actions: z.array(z.string()).optional(),
  durationMs: z.number().optional(),
  usage: z.record(z.string(), z.unknown()).optional(),
  completedAt: z.number(),
  /** What was seen to happen in the browser: what a skill is made of. */
  steps: z.array(browserStepSchema).max(MAX_STEPS).optional(),
  /** True when the agent handed in no report and this one was written from what it was seen to do. */
  derived: z.boolean().optional(),
});
/** Completion report that the agent hands in with `banata-complete-task` (capabilities document, "Report fields"). */
export type TaskReport = z.infer<typeof taskReportSchema>;

export const agentMessagePartSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), id: z.string(), text: z.string() }),
  z.object({ type: z.literal('reasoning'), id: z.string(), text: z.string() }),
  z.object({
    type: z.literal('tool'),
    id: z.string(),
    tool: z.string(),
    status: z.enum(['pending', 'running', 'completed', 'error']),
    input: z.unknown(),
    /** Output or error text, cut to 64 KiB. */
    output: z.string().nullable(),
  }),
]);

export const agentMessageSchema = z.object({
  id: z.string(),
  sessionId: z.string(),
  role: z.enum(['user', 'assistant']),
  createdAt: z.number(),
  parts: z.array(agentMessagePartSchema),
});
export type AgentMessage = z.infer<typeof agentMessageSchema>;

export const boxAgentStateSchema = z.object({
  state: z.enum(['off', 'starting', 'idle', 'working', 'failed']),
  reason: z.string().nullable(),
  /** Version of the agent server. */
  version: z.string().nullable(),
  /** Ids of the tasks that run or wait. */
  tasks: z.array(z.string()),
  lastTaskReport: taskReportSchema.nullable(),
});
export type BoxAgentState = z.infer<typeof boxAgentStateSchema>;
export const boxMessagesReplySchema = z.object({
  messages: z.array(agentMessageSchema),
  /** Leads to older messages. Absent in replies of older daemons. */
  nextCursor: z.string().max(500).nullable().default(null),
});

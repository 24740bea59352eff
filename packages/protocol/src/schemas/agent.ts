import { z } from 'zod';
import {
  agentMessagePartSchema,
  agentMessageSchema,
  agentNameSchema,
  taskBudgetSchema,
  taskReportSchema,
  taskUsageSchema,
} from '../box/agent.ts';
import { replayResultSchema } from '../box/browser-steps.ts';
import { idSchema } from '../ids.ts';
import { pageOf } from './page.ts';

export const DEFAULT_TASK_TIMEOUT_MS = 30 * 60 * 1000;
export const MAX_TASK_TIMEOUT_MS = 12 * 60 * 60 * 1000;

export const taskStatusSchema = z.enum([
  'queued',
  'running',
  'waiting_for_human',
  'completed',
  'failed',
  'cancelled',
]);
export type TaskStatus = z.infer<typeof taskStatusSchema>;

export const MAX_PROMPT_LENGTH = 1024 * 1024;
const MAX_METADATA_BYTES = 16 * 1024;
const MAX_RESPONSE_SCHEMA_BYTES = 64 * 1024;

const budgetSchema = taskBudgetSchema.extend({
  costUsd: z.number().positive().max(1_000_000).optional(),
});
export type PromptBudget = z.infer<typeof budgetSchema>;

export const promptBudgetSchema = budgetSchema
  .optional()
  .describe(
    'A task whose model uses more is ended as failed, BUDGET_EXCEEDED: `requests` to models, `tokens` in all, `costUsd` in US dollars.',
  );

export const promptMetadataSchema = z
  .record(z.string(), z.json())
  .refine(fitsJson(MAX_METADATA_BYTES), `metadata may take ${MAX_METADATA_BYTES} bytes as JSON`)
  .optional()
  .describe('Free-form, up to 16 KiB as JSON; comes back with the task and its events.');

const promptFields = {
  id: idSchema,
  prompt: z
    .string()
    .max(
      MAX_PROMPT_LENGTH,
      `a prompt may hold ${MAX_PROMPT_LENGTH} characters; put longer text into a file and name it in files`,
    )
    .refine((text) => text.trim() !== '', 'a prompt must hold text'),
  agent: agentNameSchema.optional().describe('Default: the sandbox’s defaultAgent.'),
  sessionId: z
    .string()
    .max(200)
    .optional()
    .describe('Agent session to go on with; without it a new one starts.'),
  noReply: z.boolean().default(false).describe('Add the prompt as context and do not let the model answer.'),
  system: z
    .string()
    .max(256 * 1024)
    .optional()
    .describe('Text appended to the system prompt for this turn.'),
  duringHandoff: z
    .boolean()
    .optional()
    .describe(
      'Answer also while a person is asked for or at work; the browser stays theirs. Default false: wait.',
    ),
  metadata: promptMetadataSchema,
  budget: promptBudgetSchema,
  model: z
    .string()
    .max(256)
    .optional()
    .describe('Model for this prompt: a configured one, or one of capabilities.agent.models.'),
  files: z
    .array(z.string().min(1).max(4096))
    .max(20)
    .optional()
    .describe('Files that go with the prompt, by path in the sandbox.'),
  responseSchema: z
    .record(z.string(), z.json())
    .refine(
      fitsJson(MAX_RESPONSE_SCHEMA_BYTES),
      `responseSchema may take ${MAX_RESPONSE_SCHEMA_BYTES} bytes as JSON`,
    )
    .optional()
    .describe(
      'JSON schema of the final answer, which then comes as `structured`. One answer that does not fit is sent back.',
    ),
};

function fitsJson(maxBytes: number): (value: unknown) => boolean {
  return (value) => new TextEncoder().encode(JSON.stringify(value)).length <= maxBytes;
}

export const promptAsyncSchema = z.strictObject({
  ...promptFields,
  timeoutMs: z.number().int().positive().max(MAX_TASK_TIMEOUT_MS).default(DEFAULT_TASK_TIMEOUT_MS),
});
export const promptSchema = z.strictObject({
  ...promptFields,
  timeoutMs: z
    .number()
    .int()
    .positive()
    .max(15 * 60 * 1000)
    .default(5 * 60 * 1000)
    .describe('The request is held open this long at most, in ms; for longer work use prompt-async.'),
});

export const agentTaskSchema = z
  .object({
    taskId: idSchema,
    sandboxId: idSchema,
    status: taskStatusSchema,
    prompt: z.string(),
    agent: agentNameSchema.nullable(),
    sessionId: z.string().nullable(),
    metadata: z.record(z.string(), z.json()),
    model: z.string().nullable().describe('Null: the sandbox’s main model.'),
    files: z.array(z.string()),
    resultText: z.string().nullable(),
    structured: z.json().describe('The answer that fits the prompt’s responseSchema; null without one.'),
    filesChanged: z
      .array(z.string())
      .describe('Files in /workspace that changed while the task ran, at most 200, sorted.'),
    report: taskReportSchema
      .nullable()
      .describe('Completion report: the agent’s own, or one derived from what it did.'),
    skillId: idSchema.nullable().describe('The skill that the task runs; null for a prompt.'),
    replay: replayResultSchema.nullable().describe('What became of each step of a skill.'),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    usage: taskUsageSchema,
    createdAt: z.number(),
    startedAt: z.number().nullable(),
    finishedAt: z.number().nullable(),
  })
  .meta({ id: 'AgentTask' });
export type AgentTask = z.infer<typeof agentTaskSchema>;

export const promptAsyncReplySchema = z.object({ taskId: idSchema, status: taskStatusSchema });
export const promptReplySchema = z.object({
  taskId: idSchema,
  status: taskStatusSchema,
  sessionId: z.string().nullable(),
  text: z.string().nullable(),
  parts: z.array(agentMessagePartSchema).describe('The final message: texts, thoughts and uses of tools.'),
  structured: z.json(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export const taskListSchema = pageOf(agentTaskSchema);

export const agentStateSchema = z.object({
  state: z
    .enum(['starting', 'idle', 'working', 'waiting_for_human', 'complete', 'failed'])
    .describe('"complete": idle after at least one task ended.'),
  reason: z.string().nullable(),
  version: z.string().nullable(),
  tasks: z.array(agentTaskSchema).describe('The tasks that run or wait, oldest first.'),
  lastTask: agentTaskSchema.nullable(),
  lastTaskReport: taskReportSchema.nullable(),
});

export const runtimeStateSchema = agentStateSchema.extend({
  status: z.string().describe('Status of the sandbox.'),
  outputs: z
    .array(z.object({ path: z.string(), size: z.number(), modifiedAt: z.number() }))
    .describe('Newest files directly in /workspace.'),
});

export const agentMessagesSchema = z.object({
  messages: z.array(agentMessageSchema),
  nextCursor: z.string().nullable().describe('Leads to older messages; null when there are none.'),
});

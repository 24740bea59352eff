import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { sandboxEventSchema } from '../event-registry.ts';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  agentMessagesSchema,
  agentStateSchema,
  agentTaskSchema,
  promptAsyncReplySchema,
  promptAsyncSchema,
  promptReplySchema,
  promptSchema,
  runtimeStateSchema,
  taskListSchema,
  taskStatusSchema,
} from '../schemas/agent.ts';
import { pageFields } from '../schemas/page.ts';

const tag = 'Agent';
const errors = [
  'SANDBOX_NOT_FOUND',
  'SANDBOX_NOT_READY',
  'AGENT_NOT_ENABLED',
  'SANDBOX_UNREACHABLE',
] satisfies ErrorCode[];
const promptErrors = [...errors, 'PROMPT_API_DISABLED', 'MODEL_NOT_CONFIGURED'] satisfies ErrorCode[];

export const prompt = defineRoute({
  id: 'sandboxes.agent.prompt',
  method: 'POST',
  path: '/v1/sandboxes/agent/prompt',
  aliases: ['/v1/sandboxes/opencode/prompt'],
  tag,
  summary: 'Prompt the agent and wait for its answer',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'agent.prompt',
  body: promptSchema,
  reply: { kind: 'json', status: 200, schema: promptReplySchema },
  errors: promptErrors,
});

export const promptAsync = defineRoute({
  id: 'sandboxes.agent.promptAsync',
  method: 'POST',
  path: '/v1/sandboxes/agent/prompt-async',
  aliases: ['/v1/sandboxes/opencode/prompt-async'],
  tag,
  summary: 'Give the agent a task and return at once',
  auth: 'sandbox_sessions:exec',
  rateLimit: 'agent.prompt',
  idempotency: 'resumes',
  body: promptAsyncSchema,
  reply: { kind: 'json', status: 202, schema: promptAsyncReplySchema },
  errors: promptErrors,
});

export const agentState = defineRoute({
  id: 'sandboxes.agent.state',
  method: 'GET',
  path: '/v1/sandboxes/agent/state',
  aliases: ['/v1/sandboxes/opencode/state'],
  tag,
  summary: 'What the agent is doing',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: agentStateSchema },
  errors,
});

export const agentMessages = defineRoute({
  id: 'sandboxes.agent.messages',
  method: 'GET',
  path: '/v1/sandboxes/agent/messages',
  aliases: ['/v1/sandboxes/opencode/messages'],
  tag,
  summary: 'Messages of an agent session, oldest first',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    sessionId: z.string().max(200).optional().describe('Default: the newest session.'),
    limit: z.coerce.number().int().min(1).max(500).default(100),
    cursor: z
      .string()
      .max(500)
      .optional()
      .describe('nextCursor of the page before, together with its sessionId. Default: the newest messages.'),
  }),
  reply: { kind: 'json', status: 200, schema: agentMessagesSchema },
  errors,
});

export const agentEvents = defineRoute({
  id: 'sandboxes.agent.events',
  method: 'GET',
  path: '/v1/sandboxes/agent/events',
  aliases: ['/v1/sandboxes/opencode/events'],
  tag,
  summary: 'Live stream of the agent’s events',
  description: 'Server-sent events; goes on after Last-Event-ID (or `after`), heartbeat every 10 s.',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    after: z.coerce.number().int().min(0).optional().describe('Default: from now on.'),
  }),
  reply: { kind: 'sse', description: 'One event per message', schema: sandboxEventSchema },
  errors,
});

export const agentTasks = defineRoute({
  id: 'sandboxes.agent.tasks',
  method: 'GET',
  path: '/v1/sandboxes/agent/tasks',
  aliases: ['/v1/sandboxes/opencode/tasks'],
  tag,
  summary: 'Get one task (with `taskId`) or list tasks, newest first (without)',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    taskId: idSchema.optional(),
    status: taskStatusSchema.optional(),
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: { kind: 'json', status: 200, schema: z.union([agentTaskSchema, taskListSchema]) },
  errors: ['SANDBOX_NOT_FOUND', 'TASK_NOT_FOUND'],
});

export const cancelTask = defineRoute({
  id: 'sandboxes.agent.tasks.cancel',
  method: 'POST',
  path: '/v1/sandboxes/agent/tasks/cancel',
  aliases: ['/v1/sandboxes/opencode/tasks/cancel'],
  tag,
  summary: 'Cancel a task that waits or runs',
  auth: 'sandbox_sessions:exec',
  body: z.strictObject({ id: idSchema, taskId: idSchema }),
  reply: { kind: 'json', status: 200, schema: agentTaskSchema },
  errors: ['SANDBOX_NOT_FOUND', 'TASK_NOT_FOUND'],
});

export const runtimeState = defineRoute({
  id: 'sandboxes.runtime',
  method: 'GET',
  path: '/v1/sandboxes/runtime',
  tag,
  summary: 'State of the agent with its outputs and the last task report',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: runtimeStateSchema },
  errors,
});

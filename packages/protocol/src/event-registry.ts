import { z } from 'zod';
import { agentMessagePartSchema, taskReportSchema } from './box/agent.ts';
import { boxLimitNameSchema } from './box/limits.ts';
import { agentTaskSchema } from './schemas/agent.ts';
import { artifactSchema } from './schemas/artifacts.ts';
import { networkSchema } from './schemas/network.ts';

const session = { sessionId: z.string(), taskId: z.string().nullable() };
const reason = z.object({ reason: z.string() });
const empty = z.object({});

/** Every event of a sandbox, with the schema of its `data`. */
export const eventRegistry = {
  'sandbox.created': empty,
  'sandbox.assigned': z.object({ region: z.string() }),
  'sandbox.ready': z.object({ startupMs: z.number() }),
  'sandbox.active': empty,
  'sandbox.idle': empty,
  'sandbox.ending': reason,
  'sandbox.ended': reason,
  'sandbox.failed': reason,
  'sandbox.timeout.near': z.object({ endsAt: z.number(), cause: z.enum(['max_duration', 'idle']) }),
  'sandbox.timeout.renewed': z.object({ expiresAt: z.number() }),
  'sandbox.network.changed': z.object({ network: networkSchema }),
  'sandbox.limit.reached': z.object({ limit: boxLimitNameSchema, detail: z.string() }),
  'sandbox.browser.ready': empty,
  'sandbox.browser.failed': reason,
  'sandbox.agent.ready': z.object({ version: z.string() }),
  'sandbox.agent.failed': reason,
  'sandbox.agent.task.queued': agentTaskSchema,
  'sandbox.agent.task.running': agentTaskSchema,
  'sandbox.agent.task.completed': agentTaskSchema,
  'sandbox.agent.task.failed': agentTaskSchema,
  'sandbox.agent.task.cancelled': agentTaskSchema,
  'sandbox.agent.task.report': z.object({ taskId: z.string().nullable(), report: taskReportSchema }),
  'sandbox.agent.text.delta': z.object({
    ...session,
    messageId: z.string(),
    partId: z.string(),
    text: z.string(),
  }),
  'sandbox.agent.part': z.object({ ...session, messageId: z.string(), part: agentMessagePartSchema }),
  'sandbox.agent.status': z.object({ ...session, status: z.string(), message: z.string().nullable() }),
  'sandbox.agent.todo': z.object({
    ...session,
    todos: z.array(z.object({ content: z.string(), status: z.string() })),
  }),
  'sandbox.port.exposed': z.object({ port: z.number(), public: z.boolean(), expiresAt: z.number() }),
  'sandbox.port.revoked': z.object({ port: z.number() }),
  'sandbox.artifacts.updated': z.object({ artifact: artifactSchema }),
} satisfies Record<string, z.ZodType>;

export type EventType = keyof typeof eventRegistry;
export type EventData<T extends EventType> = z.infer<(typeof eventRegistry)[T]>;

export const eventTypeSchema = z.enum(Object.keys(eventRegistry) as [EventType, ...EventType[]]);

/** An event as it is listed and streamed. */
export const sandboxEventSchema = z.object({
  id: z.string(),
  sandboxId: z.string(),
  seq: z.number().int().describe('Counts the events of one sandbox from 1; the SSE id.'),
  type: eventTypeSchema,
  data: z.record(z.string(), z.unknown()),
  createdAt: z.number(),
});
export type SandboxEvent = z.infer<typeof sandboxEventSchema>;

import { z } from 'zod';
import { agentMessagePartSchema, boxTaskSchema, taskReportSchema } from './agent.ts';
import { agentPermissionSchema, agentQuestionSchema, permissionAnswerSchema } from './agent-asks.ts';
import { boxPublishSchema } from './artifacts.ts';
import { boxHandoffSchema } from './handoff.ts';
import { boxLimitNameSchema } from './limits.ts';

const session = { sessionId: z.string(), taskId: z.string().nullable() };

/** What happens in a box, as its journal keeps it. */
export const boxEventBodySchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('browser.ready'), data: z.object({}) }),
  z.object({ type: z.literal('browser.failed'), data: z.object({ reason: z.string() }) }),
  z.object({ type: z.literal('recording.started'), data: z.object({ recordingId: z.string() }) }),
  /** It ended by itself; what there is of it can be fetched. */
  z.object({
    type: z.literal('recording.ended'),
    data: z.object({ recordingId: z.string(), reason: z.string() }),
  }),
  /** Chromium or the desktop ended and is started again; `browser.ready` follows. */
  z.object({ type: z.literal('browser.restarting'), data: z.object({ reason: z.string() }) }),
  /** A download has ended. */
  z.object({
    type: z.literal('browser.download'),
    data: z.object({
      state: z.enum(['completed', 'canceled']),
      url: z.string(),
      fileName: z.string(),
      /** Null when nothing was kept. */
      path: z.string().nullable(),
      bytes: z.number(),
    }),
  }),
  /** Automation was refused since a person has control. At most one a kind in five seconds. */
  z.object({
    type: z.literal('control.refused'),
    data: z.object({ client: z.enum(['cdp', 'agent', 'computer']), what: z.string() }),
  }),
  z.object({ type: z.literal('agent.ready'), data: z.object({ version: z.string() }) }),
  z.object({ type: z.literal('agent.failed'), data: z.object({ reason: z.string() }) }),
  /** Every change of a task's state; the last one carries the final state. */
  z.object({ type: z.literal('task.updated'), data: boxTaskSchema }),
  z.object({
    type: z.literal('task.report'),
    data: z.object({ taskId: z.string().nullable(), report: taskReportSchema }),
  }),
  /** Text as it is written, joined over about 100 ms. */
  z.object({
    type: z.literal('agent.text.delta'),
    data: z.object({ ...session, messageId: z.string(), partId: z.string(), text: z.string() }),
  }),
  /** A part of a message in its newest whole state: text when finished, a tool call at each change. */
  z.object({
    type: z.literal('agent.part'),
    data: z.object({ ...session, messageId: z.string(), part: agentMessagePartSchema }),
  }),
  z.object({
    type: z.literal('agent.status'),
    data: z.object({ ...session, status: z.enum(['busy', 'idle', 'retry']), message: z.string().nullable() }),
  }),
  z.object({
    type: z.literal('agent.todo'),
    data: z.object({ ...session, todos: z.array(z.object({ content: z.string(), status: z.string() })) }),
  }),
  z.object({
    type: z.literal('agent.permission.requested'),
    data: agentPermissionSchema.extend({ taskId: z.string().nullable() }),
  }),
  z.object({
    type: z.literal('agent.permission.answered'),
    data: z.object({ ...session, permissionId: z.string(), answer: permissionAnswerSchema }),
  }),
  z.object({
    type: z.literal('agent.question.asked'),
    data: agentQuestionSchema.extend({ taskId: z.string().nullable() }),
  }),
  z.object({
    type: z.literal('agent.question.answered'),
    data: z.object({ ...session, questionId: z.string(), answers: z.array(z.array(z.string())).nullable() }),
  }),
  /** The agent asks for a person. The box holds its tasks until the server says that the request is closed. */
  z.object({ type: z.literal('handoff.requested'), data: boxHandoffSchema }),
  /** Asked again until the server answers with `PUT /agent/artifacts/{requestId}`. */
  z.object({
    type: z.literal('artifact.requested'),
    data: boxPublishSchema.extend({ requestId: z.string().regex(/^[0-9a-f]{32}$/) }),
  }),
  /** The box ran out of something. At most one a limit in ten seconds. */
  z.object({
    type: z.literal('limit.reached'),
    data: z.object({ limit: boxLimitNameSchema, detail: z.string() }),
  }),
]);
export type BoxEventBody = z.infer<typeof boxEventBodySchema>;

/** One entry of the journal. */
export const boxEventSchema = z.object({
  /** Grows by one per entry, also over a restart of the daemon. */
  cursor: z.number().int().positive(),
  /** Epoch milliseconds. */
  at: z.number(),
  body: boxEventBodySchema,
});
export type BoxEvent = z.infer<typeof boxEventSchema>;

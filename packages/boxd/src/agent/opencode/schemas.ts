import { permissionAnswerSchema } from '@banata/protocol/box';
import { z } from 'zod';
import { openCodePermissionSchema, openCodeQuestionSchema } from './asks.ts';

/*
 * The part of OpenCode 1.18's HTTP API that the daemon reads (its own description is at `GET /doc`). Objects stay
 * open: other fields come and go between versions. The server runs with the rights of the account `user`, so
 * nothing it says is taken on trust.
 */

const tokensSchema = z.object({
  input: z.number(),
  output: z.number(),
  reasoning: z.number(),
  cache: z.object({ read: z.number(), write: z.number() }),
});

const openCodeErrorSchema = z.object({
  name: z.string(),
  data: z
    .looseObject({
      message: z.string().optional(),
      statusCode: z.number().optional(),
      responseBody: z.string().optional(),
    })
    .optional(),
});
export type OpenCodeError = z.infer<typeof openCodeErrorSchema>;

const userInfoSchema = z.object({
  id: z.string(),
  sessionID: z.string(),
  role: z.literal('user'),
  time: z.object({ created: z.number() }),
});

const assistantInfoSchema = z.object({
  id: z.string(),
  sessionID: z.string(),
  role: z.literal('assistant'),
  time: z.object({ created: z.number(), completed: z.number().optional() }),
  error: openCodeErrorSchema.optional(),
  /** True for the message that a compaction of the history leaves behind. */
  summary: z.boolean().optional(),
  modelID: z.string().optional(),
  cost: z.number(),
  tokens: tokensSchema,
  /** Why the model stopped: `stop`, `tool-calls`, `length`, `content-filter`, … */
  finish: z.string().optional(),
});
export type AssistantInfo = z.infer<typeof assistantInfoSchema>;

const messageInfoSchema = z.discriminatedUnion('role', [userInfoSchema, assistantInfoSchema]);

const toolStateSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('pending'), input: z.unknown() }),
  z.object({
    status: z.literal('running'),
    input: z.unknown(),
    metadata: z.looseObject({ output: z.unknown() }).optional(),
  }),
  z.object({ status: z.literal('completed'), input: z.unknown(), output: z.string() }),
  z.object({ status: z.literal('error'), input: z.unknown(), error: z.string() }),
]);

const partIds = { id: z.string(), sessionID: z.string(), messageID: z.string() };
const writtenTime = z.object({ start: z.number(), end: z.number().optional() }).optional();

const knownPartSchema = z.discriminatedUnion('type', [
  z.object({ ...partIds, type: z.literal('text'), text: z.string(), time: writtenTime }),
  z.object({ ...partIds, type: z.literal('reasoning'), text: z.string(), time: writtenTime }),
  z.object({ ...partIds, type: z.literal('tool'), tool: z.string(), state: toolStateSchema }),
]);
/** A part of a message that people are shown. */
export type OpenCodePart = z.infer<typeof knownPartSchema>;

/** Step marks, snapshots, patches and files are left out. */
const partSchema = z.union([knownPartSchema, z.looseObject({ type: z.string() }).transform(() => null)]);

export const messageSchema = z
  .object({ info: messageInfoSchema, parts: z.array(partSchema) })
  .transform((message) => ({
    info: message.info,
    parts: message.parts.filter((part) => part !== null),
  }));
export type OpenCodeMessage = z.infer<typeof messageSchema>;

export const sessionSchema = z.object({
  id: z.string(),
  parentID: z.string().optional(),
  time: z.object({ created: z.number(), updated: z.number() }),
});
export type OpenCodeSession = z.infer<typeof sessionSchema>;

const sessionStatusSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('idle') }),
  z.object({ type: z.literal('busy') }),
  /** `next`: epoch milliseconds of the next attempt; a model server's Retry-After sets it without a limit. */
  z.object({ type: z.literal('retry'), attempt: z.number(), message: z.string(), next: z.number() }),
]);
export type SessionStatus = z.infer<typeof sessionStatusSchema>;

/** Sessions that are not listed are idle. */
export const sessionStatusesSchema = z.record(z.string(), sessionStatusSchema);

export const healthSchema = z.object({ healthy: z.boolean(), version: z.string() });
export const mcpStatusesSchema = z.record(
  z.string(),
  z.object({ status: z.string(), error: z.string().optional() }),
);

const inSession = { sessionID: z.string() };

const knownEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('server.connected') }),
  z.object({ type: z.literal('server.heartbeat') }),
  z.object({ type: z.literal('session.created'), properties: z.object({ info: sessionSchema }) }),
  z.object({
    type: z.literal('session.status'),
    properties: z.object({ ...inSession, status: sessionStatusSchema }),
  }),
  z.object({ type: z.literal('session.idle'), properties: z.object(inSession) }),
  z.object({
    type: z.literal('session.error'),
    properties: z.object({ sessionID: z.string().optional(), error: openCodeErrorSchema.optional() }),
  }),
  z.object({ type: z.literal('message.updated'), properties: z.object({ info: messageInfoSchema }) }),
  z.object({ type: z.literal('message.part.updated'), properties: z.object({ part: knownPartSchema }) }),
  z.object({
    type: z.literal('message.part.delta'),
    properties: z.object({
      ...inSession,
      messageID: z.string(),
      partID: z.string(),
      field: z.string(),
      delta: z.string(),
    }),
  }),
  z.object({ type: z.literal('permission.asked'), properties: openCodePermissionSchema }),
  z.object({
    type: z.literal('permission.replied'),
    properties: z.object({ ...inSession, requestID: z.string(), reply: permissionAnswerSchema }),
  }),
  z.object({ type: z.literal('question.asked'), properties: openCodeQuestionSchema }),
  z.object({
    type: z.literal('question.replied'),
    properties: z.object({ ...inSession, requestID: z.string(), answers: z.array(z.array(z.string())) }),
  }),
  z.object({
    type: z.literal('question.rejected'),
    properties: z.object({ ...inSession, requestID: z.string() }),
  }),
  z.object({
    type: z.literal('todo.updated'),
    properties: z.object({
      ...inSession,
      todos: z.array(z.object({ content: z.string(), status: z.string() })),
    }),
  }),
]);
export type OpenCodeEvent = z.infer<typeof knownEventSchema>;

/** Parses one event of the stream; null for kinds (and kinds of parts) that the daemon has no use for. */
export function parseOpenCodeEvent(text: string): OpenCodeEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = knownEventSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

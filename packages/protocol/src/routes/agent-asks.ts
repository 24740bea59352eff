import { z } from 'zod';
import { boxAsksSchema, boxPermissionReplySchema, boxQuestionReplySchema } from '../box/agent-asks.ts';
import type { ErrorCode } from '../errors.ts';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';

const tag = 'Agent';
const errors = [
  'SANDBOX_NOT_FOUND',
  'SANDBOX_NOT_READY',
  'AGENT_NOT_ENABLED',
  'SANDBOX_UNREACHABLE',
] satisfies ErrorCode[];
/** Ids are the agent's. */
const askIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,200}$/, 'an id as the list has it');
const okSchema = z.object({ ok: z.literal(true) });

export const agentAsks = defineRoute({
  id: 'sandboxes.agent.permissions',
  method: 'GET',
  path: '/v1/sandboxes/agent/permissions',
  aliases: ['/v1/sandboxes/opencode/permissions'],
  tag,
  summary: 'What the agent waits for: permissions to use a tool, and questions',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: boxAsksSchema },
  errors,
});

export const answerPermission = defineRoute({
  id: 'sandboxes.agent.permissions.answer',
  method: 'POST',
  path: '/v1/sandboxes/agent/permissions/answer',
  aliases: ['/v1/sandboxes/opencode/permissions/answer'],
  tag,
  summary: 'Let the agent use a tool (once, or always from now on), or refuse',
  auth: 'sandbox_sessions:exec',
  audit: ['permissionId', 'answer'],
  body: boxPermissionReplySchema.extend({ id: idSchema, permissionId: askIdSchema }).strict(),
  reply: { kind: 'json', status: 200, schema: okSchema },
  errors: [...errors, 'ASK_NOT_FOUND'],
});

export const answerQuestion = defineRoute({
  id: 'sandboxes.agent.questions.answer',
  method: 'POST',
  path: '/v1/sandboxes/agent/questions/answer',
  aliases: ['/v1/sandboxes/opencode/questions/answer'],
  tag,
  summary: 'Answer a question of the agent: the labels chosen for each, or null to refuse',
  auth: 'sandbox_sessions:exec',
  audit: ['questionId'],
  body: boxQuestionReplySchema.extend({ id: idSchema, questionId: askIdSchema }).strict(),
  reply: { kind: 'json', status: 200, schema: okSchema },
  errors: [...errors, 'ASK_NOT_FOUND'],
});

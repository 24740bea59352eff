import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import type { ErrorCode } from '../errors.ts';
import {
  handoffAcceptSchema,
  handoffCancelSchema,
  handoffCompleteSchema,
  handoffFillSchema,
  handoffHistorySchema,
  handoffLinkAcceptSchema,
  handoffLinkCompleteSchema,
  handoffLinkFillSchema,
  handoffLinkRenewSchema,
  handoffRenewSchema,
  handoffReplySchema,
  handoffRequestSchema,
  handoffStateSchema,
  handoffViewSchema,
  openHandoffsSchema,
} from '../schemas/handoff.ts';
import { viewerNonceSchema } from '../schemas/viewer-nonce.ts';
import { pageFields } from '../schemas/page.ts';

const tag = 'Handoff';
const reply = { kind: 'json', status: 200, schema: handoffReplySchema } as const;
const errors = ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY'] satisfies ErrorCode[];

export const request = defineRoute({
  id: 'sandboxes.handoff.request',
  method: 'POST',
  path: '/v1/sandboxes/handoff/request',
  tag,
  summary: 'Ask for a person; automation stops until they are done',
  description:
    'Automation of the browser is refused from the reply on, and prompts that wait are not begun (except with duringHandoff). Without an end by a person the request expires.',
  auth: 'sandbox_sessions:exec',
  audit: ['reason', 'requestedBy', 'expiresInMs', 'deliver'],
  body: handoffRequestSchema,
  reply,
  errors: [
    ...errors,
    'HANDOFF_OPEN',
    'HUMAN_IN_LOOP_DISABLED',
    'NOT_SUPPORTED',
    'BROWSER_NOT_ENABLED',
    'AGENT_NOT_ENABLED',
  ],
});

export const accept = defineRoute({
  id: 'sandboxes.handoff.accept',
  method: 'POST',
  path: '/v1/sandboxes/handoff/accept',
  tag,
  summary: 'Take the request over: one person gets it, others are told who has it',
  auth: 'sandbox_sessions:exec',
  audit: ['controller', 'leaseMs'],
  body: handoffAcceptSchema,
  reply,
  errors: [...errors, 'HANDOFF_NOT_FOUND', 'HANDOFF_TAKEN'],
});

export const renew = defineRoute({
  id: 'sandboxes.handoff.renew',
  method: 'POST',
  path: '/v1/sandboxes/handoff/renew',
  tag,
  summary: 'Keep the lease of who accepted',
  auth: 'sandbox_sessions:exec',
  audit: ['controller', 'leaseMs'],
  body: handoffRenewSchema,
  reply,
  errors: [...errors, 'HANDOFF_NOT_FOUND', 'HANDOFF_TAKEN', 'HANDOFF_NOT_ACCEPTED'],
});

export const complete = defineRoute({
  id: 'sandboxes.handoff.complete',
  method: 'POST',
  path: '/v1/sandboxes/handoff/complete',
  tag,
  summary: 'The person is done: control returns and the agent goes on',
  auth: 'sandbox_sessions:exec',
  audit: ['controller', 'returnControlTo', 'runResumePrompt'],
  body: handoffCompleteSchema,
  reply,
  errors: [...errors, 'HANDOFF_NOT_FOUND', 'HANDOFF_TAKEN', 'HANDOFF_NOT_ACCEPTED'],
});

const fillErrors = [
  'HANDOFF_TAKEN',
  'HANDOFF_FIELDS_INVALID',
  'FIELD_NOT_FOUND',
  'BROWSER_NOT_READY',
] satisfies ErrorCode[];

export const fill = defineRoute({
  id: 'sandboxes.handoff.fill',
  method: 'POST',
  path: '/v1/sandboxes/handoff/fill',
  tag,
  summary: 'Fill the form of a request and complete it',
  description:
    'The values go to the sandbox, which forgets them after an hour or at its end; placeholders stand for them until the task that asked is done. The server stores none.',
  auth: 'sandbox_sessions:exec',
  audit: ['controller'],
  body: handoffFillSchema,
  reply,
  errors: [...errors, 'HANDOFF_NOT_FOUND', ...fillErrors],
});

export const cancel = defineRoute({
  id: 'sandboxes.handoff.cancel',
  method: 'POST',
  path: '/v1/sandboxes/handoff/cancel',
  tag,
  summary: 'Withdraw the request; a task that waits for it goes on and is told so',
  auth: 'sandbox_sessions:exec',
  body: handoffCancelSchema,
  reply,
  errors: [...errors, 'HANDOFF_NOT_FOUND'],
});

export const get = defineRoute({
  id: 'sandboxes.handoff.get',
  method: 'GET',
  path: '/v1/sandboxes/handoff',
  tag,
  summary: 'The newest request for a person',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: handoffStateSchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const history = defineRoute({
  id: 'sandboxes.handoff.history',
  method: 'GET',
  path: '/v1/sandboxes/handoff/history',
  tag,
  summary: 'All requests of a sandbox, newest first',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    ...pageFields({ most: 100, usual: 20 }),
  }),
  reply: { kind: 'json', status: 200, schema: handoffHistorySchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const open = defineRoute({
  id: 'sandboxes.handoff.open',
  method: 'GET',
  path: '/v1/sandboxes/handoff/open',
  tag,
  summary:
    'Open requests of all sandboxes, newest first: those that wait for a person, and those somebody has',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    ...pageFields({ most: 100, usual: 50 }),
  }),
  reply: { kind: 'json', status: 200, schema: openHandoffsSchema },
  errors: [],
});

const linkPath = '/v1/sandboxes/handoff/link';
const linkQuery = z.strictObject({ token: z.string() });
const linkReply = { kind: 'json', status: 200, schema: handoffViewSchema } as const;
const linkErrors = ['SANDBOX_NOT_FOUND', 'HANDOFF_NOT_FOUND'] satisfies ErrorCode[];

export const view = defineRoute({
  id: 'sandboxes.handoff.view',
  method: 'GET',
  path: linkPath,
  tag,
  summary: 'One request, for the bearer of its link',
  auth: 'link',
  query: z.strictObject({ token: z.string(), viewer: viewerNonceSchema.optional() }),
  reply: linkReply,
  errors: linkErrors,
});

export const acceptByLink = defineRoute({
  id: 'sandboxes.handoff.acceptByLink',
  method: 'POST',
  path: `${linkPath}/accept`,
  tag,
  summary: 'Take the request over, as the bearer of its link',
  auth: 'link',
  query: linkQuery,
  body: handoffLinkAcceptSchema,
  reply: linkReply,
  errors: [...linkErrors, 'HANDOFF_TAKEN'],
});

export const renewByLink = defineRoute({
  id: 'sandboxes.handoff.renewByLink',
  method: 'POST',
  path: `${linkPath}/renew`,
  tag,
  summary: 'Keep the lease, as the one who accepted by link',
  auth: 'link',
  query: linkQuery,
  body: handoffLinkRenewSchema,
  reply: linkReply,
  errors: [...linkErrors, 'HANDOFF_TAKEN', 'HANDOFF_NOT_ACCEPTED'],
});

export const completeByLink = defineRoute({
  id: 'sandboxes.handoff.completeByLink',
  method: 'POST',
  path: `${linkPath}/complete`,
  tag,
  summary: 'End the request, as the one who accepted by link',
  auth: 'link',
  query: linkQuery,
  body: handoffLinkCompleteSchema,
  reply: linkReply,
  errors: [...linkErrors, 'HANDOFF_TAKEN', 'HANDOFF_NOT_ACCEPTED'],
});

export const fillByLink = defineRoute({
  id: 'sandboxes.handoff.fillByLink',
  method: 'POST',
  path: `${linkPath}/fill`,
  tag,
  summary: 'Fill the form of a request and complete it, as the bearer of its link',
  auth: 'link',
  query: linkQuery,
  body: handoffLinkFillSchema,
  reply: linkReply,
  errors: [...linkErrors, ...fillErrors],
});

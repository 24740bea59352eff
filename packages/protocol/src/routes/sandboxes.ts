import { z } from 'zod';
import { eventTypeSchema, sandboxEventSchema } from '../event-registry.ts';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  createSandboxSchema,
  MAX_DURATION_MS,
  sandboxListSchema,
  sandboxSessionSchema,
  sandboxStatusSchema,
} from '../schemas/sandbox.ts';
import { pageFields } from '../schemas/page.ts';

const tag = 'Sandboxes';

export const createSandbox = defineRoute({
  id: 'sandboxes.create',
  method: 'POST',
  path: '/v1/sandboxes',
  tag,
  summary: 'Create a sandbox',
  description:
    'Answers at once with status "queued"; poll the sandbox, or follow its events, until it is "ready". With the header `Prefer: wait=SECONDS` (at most 30) it answers when the sandbox is ready, or as it is by then.',
  auth: 'sandbox_sessions:create',
  rateLimit: 'sandboxes.create',
  idempotency: 'resumes',
  body: createSandboxSchema,
  reply: { kind: 'json', status: 201, schema: sandboxSessionSchema },
  errors: ['NOT_SUPPORTED', 'PLAN_FEATURE_UNAVAILABLE', 'PLAN_LIMIT_EXCEEDED', 'CAPACITY_EXHAUSTED'],
});

export const getSandboxes = defineRoute({
  id: 'sandboxes.get',
  method: 'GET',
  path: '/v1/sandboxes',
  tag,
  summary: 'Get one sandbox (with `id`) or list sandboxes, newest first (without)',
  auth: 'sandbox_sessions:read',
  rateLimit: 'sandboxes.read',
  query: z.strictObject({
    id: idSchema.optional(),
    status: sandboxStatusSchema
      .optional()
      .describe('Only with listing. Default: all that have not ended or failed.'),
    all: z.stringbool().optional().describe('List ended and failed ones too.'),
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: { kind: 'json', status: 200, schema: z.union([sandboxSessionSchema, sandboxListSchema]) },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const endSandbox = defineRoute({
  id: 'sandboxes.end',
  method: 'DELETE',
  path: '/v1/sandboxes',
  tag,
  summary: 'End a sandbox',
  description: 'Ending an ended sandbox answers it as it is.',
  auth: 'sandbox_sessions:delete',
  rateLimit: 'sandboxes.end',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: sandboxSessionSchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const setTimeoutRoute = defineRoute({
  id: 'sandboxes.timeout',
  method: 'POST',
  path: '/v1/sandboxes/timeout',
  tag,
  summary: 'Renew the deadline of a sandbox',
  auth: 'sandbox_sessions:exec',
  body: z.strictObject({
    id: idSchema,
    timeoutMs: z
      .number()
      .int()
      .positive()
      .max(MAX_DURATION_MS)
      .optional()
      .describe('The sandbox now ends this long from now, in ms.'),
    idleTimeoutMs: z.number().int().positive().max(MAX_DURATION_MS).nullish(),
  }),
  reply: { kind: 'json', status: 200, schema: sandboxSessionSchema },
  errors: ['SANDBOX_NOT_FOUND', 'CONFLICT', 'PLAN_LIMIT_EXCEEDED'],
});

export const sandboxEvents = defineRoute({
  id: 'sandboxes.events',
  method: 'GET',
  path: '/v1/sandboxes/events',
  tag,
  summary: 'Events of a sandbox: a page as JSON, or a stream with `Accept: text/event-stream`',
  description:
    'The stream goes on after the header Last-Event-ID (or `after`) and sends a heartbeat every 10 s.',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    after: z.coerce.number().int().min(0).default(0).describe('Sequence number of the last event seen.'),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
    type: eventTypeSchema.optional(),
  }),
  reply: {
    kind: 'json',
    status: 200,
    schema: z.object({ data: z.array(sandboxEventSchema) }),
    stream: { description: 'one event per message, its `seq` as the id.', schema: sandboxEventSchema },
  },
  errors: ['SANDBOX_NOT_FOUND'],
});

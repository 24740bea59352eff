import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import { browserListSchema, browserSessionSchema, createBrowserSchema } from '../schemas/browsers.ts';
import { pageFields } from '../schemas/page.ts';

const tag = 'Browser sessions';

export const createBrowser = defineRoute({
  id: 'browsers.create',
  method: 'POST',
  path: '/v1/browsers',
  tag,
  summary: 'Create a browser session',
  description:
    'Answers at once with status "queued"; poll the session until it is "ready", then connect to its `cdpUrl`. With the header `Prefer: wait=SECONDS` (at most 30) it answers when the session is ready, or as it is by then. The session ends when its last CDP client has disconnected, and at its time limit.',
  auth: 'browser_sessions:create',
  rateLimit: 'browsers.create',
  idempotency: 'resumes',
  body: createBrowserSchema,
  reply: { kind: 'json', status: 201, schema: browserSessionSchema },
  errors: [
    'NOT_SUPPORTED',
    'PROFILE_IN_USE',
    'PLAN_FEATURE_UNAVAILABLE',
    'PLAN_LIMIT_EXCEEDED',
    'CAPACITY_EXHAUSTED',
  ],
});

export const getBrowsers = defineRoute({
  id: 'browsers.get',
  method: 'GET',
  path: '/v1/browsers',
  tag,
  summary: 'Get one browser session (with `id`) or list those that have not ended, newest first (without)',
  description:
    'The links `cdpUrl` and `previewUrl` let their holder drive the browser, which is more than reading: a key without `browser_sessions:create` gets null.',
  auth: 'browser_sessions:read',
  rateLimit: 'browsers.read',
  query: z.strictObject({
    id: idSchema.optional(),
    all: z.stringbool().optional().describe('List ended and failed ones too.'),
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: { kind: 'json', status: 200, schema: z.union([browserSessionSchema, browserListSchema]) },
  errors: ['BROWSER_SESSION_NOT_FOUND'],
});

export const endBrowser = defineRoute({
  id: 'browsers.end',
  method: 'DELETE',
  path: '/v1/browsers',
  tag,
  summary: 'End a browser session',
  description:
    'Ending an ended session answers it as it is. A browser that belongs to a sandbox ends with the sandbox only.',
  auth: 'browser_sessions:delete',
  rateLimit: 'browsers.end',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: browserSessionSchema },
  errors: ['BROWSER_SESSION_NOT_FOUND', 'CONFLICT'],
});

import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import { connectionSchema, networkChangeSchema } from '../schemas/network.ts';
import { sandboxSessionSchema } from '../schemas/sandbox.ts';
import { pageFields, pageOf } from '../schemas/page.ts';

const tag = 'Network';

export const setNetwork = defineRoute({
  id: 'network.set',
  method: 'POST',
  path: '/v1/sandboxes/network',
  tag,
  summary: 'Change what a sandbox may reach',
  description: 'Holds when the call returns: open connections that are no longer allowed are cut.',
  auth: 'sandbox_sessions:exec',
  body: networkChangeSchema,
  reply: { kind: 'json', status: 200, schema: sandboxSessionSchema },
  errors: ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY'],
});

export const networkLog = defineRoute({
  id: 'network.log',
  method: 'GET',
  path: '/v1/sandboxes/network/log',
  tag,
  summary: 'List the connections of a sandbox, newest first',
  description:
    'The newest 5,000 are kept. Connections show within a few seconds, and their bytes grow while they last.',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    id: idSchema,
    ...pageFields({ most: 500, usual: 100 }),
  }),
  reply: {
    kind: 'json',
    status: 200,
    schema: pageOf(connectionSchema),
  },
  errors: ['SANDBOX_NOT_FOUND'],
});

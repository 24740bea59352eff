import { z } from 'zod';
import { defineRoute } from '../route.ts';

export const health = defineRoute({
  id: 'health.live',
  method: 'GET',
  path: '/healthz',
  tag: 'Health',
  summary: 'The process answers',
  auth: 'none',
  reply: { kind: 'json', status: 200, schema: z.object({ ok: z.literal(true), version: z.string() }) },
  errors: [],
});

export const readiness = defineRoute({
  id: 'health.ready',
  method: 'GET',
  path: '/readyz',
  tag: 'Health',
  summary: 'The server can take work: database and driver answer',
  description:
    'Without the object store the server takes work all the same: `degraded` then says what is missing, and outputs wait on the server until it is back.',
  auth: 'none',
  reply: {
    kind: 'json',
    status: 200,
    schema: z.object({
      ok: z.literal(true),
      degraded: z.array(z.enum(['object-store'])).describe('Parts that do not answer; empty when all do.'),
      pendingUploads: z.number().int().describe('Artifacts that wait for the object store.'),
    }),
  },
  errors: ['INTERNAL'],
});

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
  auth: 'none',
  reply: { kind: 'json', status: 200, schema: z.object({ ok: z.literal(true) }) },
  errors: ['INTERNAL'],
});

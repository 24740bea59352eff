import { z } from 'zod';
import { boxLimitNameSchema } from '../box/limits.ts';
import { networkSchema } from '../schemas/network.ts';
import { defineEvent } from './define-event.ts';

/** What a sandbox may reach, what it shows, and where it meets its limits. */
export const surroundingsEvents = {
  'sandbox.network.changed': defineEvent({
    schema: z.object({ network: networkSchema }),
    gloss: 'What it may reach was changed.',
    example: { network: { egress: { allow: ['example.com'] } } },
  }),
  'sandbox.limit.reached': defineEvent({
    schema: z.object({ limit: boxLimitNameSchema, detail: z.string() }),
    gloss: 'It ran out of memory, processes or disk.',
    example: { limit: 'memory', detail: 'The kernel ended a program: the sandbox is out of memory.' },
  }),
  'sandbox.port.exposed': defineEvent({
    schema: z.object({ port: z.number(), public: z.boolean(), expiresAt: z.number() }),
    gloss: 'A port of it was given a URL.',
    example: { port: 3000, public: false, expiresAt: 1_775_048_400_000 },
  }),
  'sandbox.port.revoked': defineEvent({
    schema: z.object({ port: z.number() }),
    gloss: 'The URL of a port was taken back.',
    example: { port: 3000 },
  }),
};

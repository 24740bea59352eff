import { z } from 'zod';
import { eventTypeSchema, organizationEventSchema } from '../event-registry.ts';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';

const typesSchema = z
  .string()
  .max(4000)
  .transform((text) => text.split(','))
  .pipe(z.array(eventTypeSchema).min(1));

export const organizationEvents = defineRoute({
  id: 'events.list',
  method: 'GET',
  path: '/v1/events',
  tag: 'Events',
  summary: 'Events of all sandboxes: a page as JSON, or a stream with `Accept: text/event-stream`',
  description:
    'In an order that never changes: going on after a cursor misses no event. Pages begin at the oldest event; the stream begins now, or after the header Last-Event-ID (or `after`), and sends a heartbeat every 10 s.',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({
    after: z
      .string()
      .regex(/^\d{1,16}-\d{1,16}$/, 'the cursor of an event or nextCursor of a page')
      .optional()
      .describe('Cursor of the last event seen.'),
    order: z
      .enum(['asc', 'desc'])
      .default('asc')
      .describe('Pages only. desc: newest first; `after` then leads to older events.'),
    type: typesSchema.optional().describe('Names of events, divided by commas.'),
    sandboxId: idSchema.optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
  }),
  reply: {
    kind: 'json',
    status: 200,
    schema: z.object({
      data: z.array(organizationEventSchema),
      nextCursor: z
        .string()
        .nullable()
        .describe('Give it as `after` to go on; null when there was nothing at all.'),
    }),
    stream: {
      description: 'one event per message, its `cursor` as the id.',
      schema: organizationEventSchema,
    },
  },
  errors: ['SANDBOX_NOT_FOUND'],
});

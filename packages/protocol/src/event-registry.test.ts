import { describe, expect, test } from 'vitest';
import {
  eventRegistry,
  eventTypes,
  eventTypeSchema,
  highRateEventTypes,
  organizationEventSchema,
} from './event-registry.ts';
import { webhookPayloadSchema } from './schemas/webhooks.ts';

/** The names in the public documents of both API generations. */
const DOCUMENTED = [
  'session.created',
  'session.assigned',
  'session.ready',
  'session.ending',
  'session.ended',
  'session.failed',
  'sandbox.created',
  'sandbox.assigned',
  'sandbox.ready',
  'sandbox.ending',
  'sandbox.paused',
  'sandbox.resumed',
  'sandbox.ended',
  'sandbox.failed',
  'sandbox.agent.ready',
  'sandbox.agent.failed',
  'sandbox.browser.ready',
  'sandbox.browser.failed',
  'sandbox.agent.task.queued',
  'sandbox.agent.task.completed',
  'sandbox.agent.task.failed',
  'sandbox.checkpoint.created',
  'sandbox.checkpoint.restored',
  'sandbox.document.converted',
  'sandbox.artifacts.updated',
];

test.each(DOCUMENTED)('the documented name %s can be filtered for', (name) => {
  expect(eventTypeSchema.safeParse(name).success).toBe(true);
});

describe.each(Object.entries(eventRegistry))('%s', (type, { schema, example, gloss }) => {
  test('has an example that parses to itself: no field is unknown to the schema', () => {
    expect(schema.parse(example)).toEqual(example);
  });

  test('has a gloss that is a sentence', () => {
    expect(gloss).toMatch(/^[A-Z].*\.$/);
  });

  test('is a valid event and a valid payload with its example', () => {
    const fields = { id: 'e', type, sandboxId: 's', data: example, createdAt: 1 };
    expect(webhookPayloadSchema.parse(fields)).toEqual(fields);
    const event = { ...fields, seq: 1, cursor: '1-1' };
    expect(organizationEventSchema.parse(event)).toEqual(event);
  });
});

test('names are dotted words, and only some of the agent’s are of high rate', () => {
  for (const type of eventTypes) expect(type).toMatch(/^(sandbox|session|machine)(\.[a-z]+(_[a-z]+)*)+$/);
  expect(highRateEventTypes.toSorted()).toEqual([
    'sandbox.agent.part',
    'sandbox.agent.status',
    'sandbox.agent.text.delta',
  ]);
});

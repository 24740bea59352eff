import { z } from 'zod';
import { browserEvents } from './events/browser.ts';
import type { EventDefinition } from './events/define-event.ts';
import { browserSessionEvents, lifecycleEvents, machineEvents } from './events/lifecycle.ts';
import { surroundingsEvents } from './events/surroundings.ts';
import { agentEvents, outputEvents } from './events/work.ts';

/** Every event, by name: shape of its `data`, when it is sent, an example. */
export const eventRegistry = {
  ...lifecycleEvents,
  ...surroundingsEvents,
  ...browserEvents,
  ...agentEvents,
  ...outputEvents,
  ...browserSessionEvents,
  ...machineEvents,
};

export type EventType = keyof typeof eventRegistry;
export type EventData<T extends EventType> = z.infer<(typeof eventRegistry)[T]['schema']>;

const definitions = Object.entries(eventRegistry) as [EventType, EventDefinition][];

/** Names of all events. */
export const eventTypes = definitions.map(([type]) => type);

/** Events that come many times a second while an agent works; webhooks get them only by name. */
export const highRateEventTypes = definitions
  .filter(([, definition]) => definition.rate === 'high')
  .map(([type]) => type);

export const eventTypeSchema = z.enum(eventTypes as [EventType, ...EventType[]]).meta({ id: 'EventType' });

const commonFields = {
  id: z.string(),
  type: eventTypeSchema,
  data: z.record(z.string(), z.unknown()),
  createdAt: z.number().describe('Epoch ms.'),
};

/** An event as it is listed and streamed for one sandbox. */
export const sandboxEventSchema = z
  .object({
    ...commonFields,
    sandboxId: z.string(),
    seq: z.number().int().describe('Counts the events of one sandbox from 1; the SSE id.'),
  })
  .meta({ id: 'SandboxEvent' });
export type SandboxEvent = z.infer<typeof sandboxEventSchema>;

/** An event as it is listed and streamed for a whole organization. */
export const organizationEventSchema = sandboxEventSchema
  .extend({ cursor: z.string().describe('Place in the order of the organization’s events; the SSE id.') })
  .meta({ id: 'OrganizationEvent' });
export type OrganizationEvent = z.infer<typeof organizationEventSchema>;

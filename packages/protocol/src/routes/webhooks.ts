import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  anyWebhookSchema,
  createWebhookSchema,
  deliveryListSchema,
  deliverySchema,
  deliveryStatusSchema,
  updateWebhookSchema,
  webhookListSchema,
  webhookStyleSchema,
} from '../schemas/webhooks.ts';
import { pageFields } from '../schemas/page.ts';

const tag = 'Webhooks';
const auth = 'webhooks:manage';
const style = webhookStyleSchema
  .optional()
  .describe('Names of the reply: eventTypes or event_types. Default: as the webhook was last written.');

export const createWebhook = defineRoute({
  id: 'webhooks.create',
  method: 'POST',
  path: '/v1/webhooks',
  tag,
  summary: 'Create a webhook; the reply shows its signing secret, once',
  auth,
  audit: ['eventTypes', 'event_types'],
  idempotency: 'once',
  body: createWebhookSchema,
  reply: { kind: 'json', status: 201, schema: anyWebhookSchema },
  errors: ['WEBHOOK_URL_REFUSED', 'WEBHOOK_LIMIT_REACHED'],
});

export const getWebhooks = defineRoute({
  id: 'webhooks.get',
  method: 'GET',
  path: '/v1/webhooks',
  tag,
  summary: 'Get one webhook (with `id`) or list webhooks, newest first (without)',
  auth,
  query: z.strictObject({
    id: idSchema.optional(),
    style,
    ...pageFields({ most: 200, usual: 50 }),
  }),
  reply: { kind: 'json', status: 200, schema: z.union([webhookListSchema, anyWebhookSchema]) },
  errors: ['WEBHOOK_NOT_FOUND'],
});

export const updateWebhook = defineRoute({
  id: 'webhooks.update',
  method: 'POST',
  path: '/v1/webhooks/update',
  tag,
  summary: 'Change a webhook; fields that are left out stay as they are',
  auth,
  audit: ['eventTypes', 'event_types', 'enabled'],
  body: updateWebhookSchema,
  reply: { kind: 'json', status: 200, schema: anyWebhookSchema },
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_URL_REFUSED'],
});

export const deleteWebhook = defineRoute({
  id: 'webhooks.delete',
  method: 'DELETE',
  path: '/v1/webhooks',
  tag,
  summary: 'Delete a webhook with its deliveries, also those that wait',
  auth,
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: z.object({ id: idSchema, deleted: z.literal(true) }) },
  errors: ['WEBHOOK_NOT_FOUND'],
});

export const rotateWebhookSecret = defineRoute({
  id: 'webhooks.rotateSecret',
  method: 'POST',
  path: '/v1/webhooks/rotate-secret',
  tag,
  summary: 'Give a webhook a new signing secret; the old one goes on signing beside it for a day',
  auth,
  audit: ['overlapMs'],
  body: z.strictObject({
    id: idSchema,
    overlapMs: z
      .number()
      .int()
      .min(0)
      .max(24 * 60 * 60 * 1000)
      .default(24 * 60 * 60 * 1000)
      .describe('How long the old secret goes on signing, in ms; 0 when it has leaked.'),
    style,
  }),
  reply: { kind: 'json', status: 200, schema: anyWebhookSchema },
  errors: ['WEBHOOK_NOT_FOUND'],
});

export const testWebhook = defineRoute({
  id: 'webhooks.test',
  method: 'POST',
  path: '/v1/webhooks/test',
  tag,
  summary: 'Send an event of type webhook.test',
  description: 'Answers at once with the delivery; read it again to see how it went.',
  auth,
  body: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 202, schema: deliverySchema },
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_DISABLED'],
});

export const webhookDeliveries = defineRoute({
  id: 'webhooks.deliveries',
  method: 'GET',
  path: '/v1/webhooks/deliveries',
  tag,
  summary:
    'Deliveries of a webhook with their attempts, newest first; one with its payload (with `deliveryId`)',
  auth,
  query: z.strictObject({
    id: idSchema,
    deliveryId: idSchema.optional(),
    status: deliveryStatusSchema.optional(),
    ...pageFields({ most: 100, usual: 20 }),
  }),
  reply: { kind: 'json', status: 200, schema: z.union([deliveryListSchema, deliverySchema]) },
  errors: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND'],
});

export const redeliverWebhook = defineRoute({
  id: 'webhooks.redeliver',
  method: 'POST',
  path: '/v1/webhooks/redeliver',
  tag,
  summary: 'Send a delivery again, whatever became of it, with the same id',
  auth,
  audit: ['deliveryId'],
  body: z.strictObject({ id: idSchema, deliveryId: idSchema }),
  reply: { kind: 'json', status: 202, schema: deliverySchema },
  errors: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND', 'WEBHOOK_DISABLED'],
});

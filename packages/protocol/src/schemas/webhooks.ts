import { z } from 'zod';
import { eventTypeSchema } from '../event-registry.ts';
import { idSchema } from '../ids.ts';
import { pageOf } from './page.ts';

/** Type of the event that `POST /v1/webhooks/test` sends. It cannot be filtered for. */
export const WEBHOOK_TEST_TYPE = 'webhook.test';

const urlSchema = z
  .string()
  .max(2048)
  .describe('https. http, loopback and private addresses only where the operator has opened the host.');
const descriptionSchema = z
  .string()
  .max(500)
  // PostgreSQL takes no NUL in text.
  .overwrite((text) => text.replaceAll('\0', '\ufffd'));
const typesSchema = z
  .array(eventTypeSchema)
  .min(1)
  .max(200)
  .nullish()
  .describe('Default (or null): every event except the ones of high rate, those of later versions included.');

function oneNaming(input: { eventTypes?: unknown; event_types?: unknown }): boolean {
  return input.eventTypes === undefined || input.event_types === undefined;
}
const ONE_NAMING = { message: 'give eventTypes or event_types, not both', path: ['event_types'] };

/** Which generation’s names a reply has. */
export const webhookStyleSchema = z.enum(['camel', 'snake']);
export type WebhookStyle = z.infer<typeof webhookStyleSchema>;

export const createWebhookSchema = z
  .strictObject({
    url: urlSchema,
    description: descriptionSchema.default(''),
    eventTypes: typesSchema,
    event_types: typesSchema.describe(
      'The older name of eventTypes; the reply then has the older names too.',
    ),
  })
  .refine(oneNaming, ONE_NAMING);
export type CreateWebhook = z.input<typeof createWebhookSchema>;

export const updateWebhookSchema = z
  .strictObject({
    id: idSchema,
    url: urlSchema.optional(),
    description: descriptionSchema.optional(),
    eventTypes: typesSchema,
    event_types: typesSchema,
    enabled: z
      .boolean()
      .optional()
      .describe('Nothing is queued for a disabled webhook; what waits already is held.'),
    style: webhookStyleSchema.optional().describe('Names of the reply. Default: as it was last written.'),
  })
  .refine(oneNaming, ONE_NAMING);
export type UpdateWebhook = z.input<typeof updateWebhookSchema>;

const signingSecret = z
  .string()
  .optional()
  .describe('48 hex digits. Only in the reply to creating and rotating; keep it.');

export const webhookSchema = z
  .object({
    id: idSchema,
    url: z.string(),
    description: z.string(),
    eventTypes: z.array(eventTypeSchema).describe('The events it gets.'),
    enabled: z.boolean(),
    disabledReason: z.string().nullable().describe('Why the server disabled it; null when it did not.'),
    failingSince: z.number().nullable().describe('Since when no delivery succeeds, epoch ms.'),
    previousSecretUntil: z
      .number()
      .nullable()
      .describe('Until then, epoch ms, deliveries are also signed with the secret before the last rotation.'),
    createdAt: z.number(),
    updatedAt: z.number(),
    signingSecret,
  })
  .meta({ id: 'Webhook' });
export type Webhook = z.infer<typeof webhookSchema>;

/** The same in the names of the older generation. */
export const snakeWebhookSchema = z
  .object({
    id: idSchema,
    url: z.string(),
    description: z.string(),
    event_types: z.array(eventTypeSchema),
    enabled: z.boolean(),
    disabled_reason: z.string().nullable(),
    failing_since: z.number().nullable(),
    previous_secret_until: z.number().nullable(),
    created_at: z.number(),
    updated_at: z.number(),
    signing_secret: signingSecret,
  })
  .meta({ id: 'SnakeWebhook' });
export type SnakeWebhook = z.infer<typeof snakeWebhookSchema>;

export const anyWebhookSchema = z.union([webhookSchema, snakeWebhookSchema]);
export const webhookListSchema = pageOf(anyWebhookSchema);

/** Body of every request that a webhook gets. */
export const webhookPayloadSchema = z
  .object({
    id: z.string().describe('Id of the event; the same in every attempt, also in the header webhook-id.'),
    type: z.union([eventTypeSchema, z.literal(WEBHOOK_TEST_TYPE)]),
    sandboxId: z.string().nullable(),
    data: z.record(z.string(), z.unknown()).describe('As the event’s type has it.'),
    createdAt: z.number().describe('When the event happened, epoch ms.'),
  })
  .meta({ id: 'WebhookPayload' });
export type WebhookPayload = z.infer<typeof webhookPayloadSchema>;

export const deliveryStatusSchema = z
  .enum(['pending', 'sending', 'delivered', 'failed'])
  .describe('failed: given up; kept for 30 days and can be sent again by hand.');
export type DeliveryStatus = z.infer<typeof deliveryStatusSchema>;

export const deliveryAttemptSchema = z.object({
  number: z.number().int(),
  startedAt: z.number(),
  durationMs: z.number(),
  status: z.number().int().nullable().describe('HTTP status; null when there was no reply.'),
  error: z.string().nullable(),
  responseBody: z.string().nullable().describe('The first 4 KiB of the reply.'),
});
export type DeliveryAttempt = z.infer<typeof deliveryAttemptSchema>;

export const deliverySchema = z
  .object({
    id: idSchema,
    webhookId: idSchema,
    eventId: z.string(),
    eventType: z.string(),
    sandboxId: z.string().nullable(),
    status: deliveryStatusSchema,
    attempts: z.array(deliveryAttemptSchema).describe('Oldest first; the last 50.'),
    nextAttemptAt: z.number().nullable(),
    createdAt: z.number(),
    finishedAt: z.number().nullable(),
    payload: webhookPayloadSchema.optional().describe('Only when one delivery is asked for.'),
  })
  .meta({ id: 'WebhookDelivery' });
export type WebhookDelivery = z.infer<typeof deliverySchema>;

export const deliveryListSchema = pageOf(deliverySchema);

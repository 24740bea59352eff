import {
  eventTypes,
  highRateEventTypes,
  type SnakeWebhook,
  type Webhook,
  type WebhookDelivery,
  type WebhookPayload,
  type WebhookStyle,
} from '@banata/protocol';
import type { WebhookRow } from '../../database/tables/events.ts';
import type { DeliveryWithAttempts } from '../../stores/delivery-store.ts';

const defaultTypes = eventTypes.filter((type) => !highRateEventTypes.includes(type));

/** A webhook in the names of one generation. `signingSecret` only where it has just been made. */
export function toWebhook(
  row: WebhookRow,
  options: { style?: WebhookStyle | undefined; now: number; signingSecret?: string },
): Webhook | SnakeWebhook {
  const { now, signingSecret } = options;
  const until = row.previous_secret_until;
  const webhook: Webhook = {
    id: row.id,
    url: row.url,
    description: row.description,
    eventTypes: row.event_types ?? defaultTypes,
    enabled: row.enabled,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since,
    previousSecretUntil: until !== null && until > now ? until : null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(signingSecret === undefined ? {} : { signingSecret }),
  };
  return (options.style ?? row.style) === 'snake' ? toSnake(webhook) : webhook;
}

function toSnake(webhook: Webhook): SnakeWebhook {
  return {
    id: webhook.id,
    url: webhook.url,
    description: webhook.description,
    event_types: webhook.eventTypes,
    enabled: webhook.enabled,
    disabled_reason: webhook.disabledReason,
    failing_since: webhook.failingSince,
    previous_secret_until: webhook.previousSecretUntil,
    created_at: webhook.createdAt,
    updated_at: webhook.updatedAt,
    ...(webhook.signingSecret === undefined ? {} : { signing_secret: webhook.signingSecret }),
  };
}

/** A delivery as the API shows it. @param payload what was or will be sent; left out of lists. */
export function toDelivery(row: DeliveryWithAttempts, payload?: WebhookPayload): WebhookDelivery {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    eventId: row.event_id,
    eventType: row.event_type,
    sandboxId: row.sandbox_id,
    status: row.status,
    attempts: row.attemptRows.map((attempt) => ({
      number: attempt.number,
      startedAt: attempt.started_at,
      durationMs: attempt.duration_ms,
      status: attempt.status,
      error: attempt.error,
      responseBody: attempt.response_body,
    })),
    nextAttemptAt: row.status === 'pending' ? row.next_attempt_at : null,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    ...(payload === undefined ? {} : { payload }),
  };
}

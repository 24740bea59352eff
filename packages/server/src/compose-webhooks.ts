import type { Foundations } from './foundations.ts';
import { WebhookDeliverer } from './jobs/webhook-deliverer.ts';
import { createOutboundGuard } from './services/net/outbound-guard.ts';
import type { Links } from './services/links.ts';
import { completePayload } from './services/webhooks/complete-payload.ts';
import { WebhookSender } from './services/webhooks/sender.ts';
import { WebhookService } from './services/webhooks/webhook-service.ts';

/** From the look-up of a receiver's name to the status of its reply. */
const ATTEMPT_TIMEOUT_MS = 15_000;

/** The webhooks' part of a server's graph. The caller closes the guard. */
export function createWebhooks(base: Foundations, links: Links) {
  const { config, stores, now } = base;
  const webhookGuard = createOutboundGuard({ allowHosts: config.webhooks.allowHosts });
  const sender = new WebhookSender(webhookGuard, ATTEMPT_TIMEOUT_MS, now);
  return {
    webhookGuard,
    webhooks: new WebhookService({ ...base, ...stores, webhookGuard }),
    webhookDeliverer: new WebhookDeliverer({
      ...base,
      outbox: stores.outbox,
      sender,
      complete: (payload) => completePayload(payload, { links, store: stores.sandboxes }),
    }),
  };
}

import { contract } from '@banata/protocol';
import type { WebhookService } from '../services/webhooks/webhook-service.ts';
import type { Mount } from './mount.ts';

export function mountWebhooks(mount: Mount, { webhooks }: { webhooks: WebhookService }): void {
  const routes = contract.webhooks;

  mount.route(routes.createWebhook, ({ caller, body }) => webhooks.create(caller, body));

  mount.route(routes.getWebhooks, ({ caller, query: { id, style, limit, cursor } }) =>
    id === undefined ? webhooks.list(caller, { style, limit, cursor }) : webhooks.get(caller, id, style),
  );

  mount.route(routes.updateWebhook, ({ caller, body }) => webhooks.update(caller, body));

  mount.route(routes.deleteWebhook, async ({ caller, query: { id } }) => {
    await webhooks.delete(caller, id);
    return { id, deleted: true as const };
  });

  mount.route(routes.rotateWebhookSecret, ({ caller, body }) => webhooks.rotateSecret(caller, body));

  mount.route(routes.testWebhook, ({ caller, body }) => webhooks.test(caller, body.id));

  mount.route(routes.webhookDeliveries, ({ caller, query: { id, deliveryId, ...options } }) =>
    deliveryId === undefined
      ? webhooks.listDeliveries(caller, id, options)
      : webhooks.delivery(caller, id, deliveryId),
  );

  mount.route(routes.redeliverWebhook, ({ caller, body }) =>
    webhooks.redeliver(caller, body.id, body.deliveryId),
  );
}

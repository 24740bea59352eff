import type { Transport } from './transport.ts';
import type { CallOptions, EventType, Webhook, WebhookDelivery } from './types.ts';

/** Options of {@link Webhooks.create}. */
export interface CreateWebhookOptions {
  /** https URL that every event is posted to. */
  url: string;
  /** Default: every event except the ones of high rate (`docs/events.md`), those of later versions included. */
  eventTypes?: EventType[];
  /** At most 500 characters. */
  description?: string;
}

/** Options of {@link Webhooks.update}; what is left out stays as it is. */
export interface UpdateWebhookOptions {
  /** Where events go from now on, also those that wait. */
  url?: string;
  /** null: the default of {@link CreateWebhookOptions.eventTypes}. */
  eventTypes?: EventType[] | null;
  description?: string;
  /** Nothing is queued for a disabled webhook; what waits already is held. */
  enabled?: boolean;
}

/** A webhook as creating and rotating answer it: with its signing secret, which is shown this once. */
export type WebhookWithSecret = Webhook & { signingSecret: string };

/** A page of webhooks, newest first. */
export interface WebhookPage {
  data: Webhook[];
  /** Give it as `cursor` for the next page; null on the last one. */
  nextCursor: string | null;
}

/** A page of deliveries, newest first. */
export interface DeliveryPage {
  data: WebhookDelivery[];
  /** Give it as `cursor` for the next page; null on the last one. */
  nextCursor: string | null;
}

const style = 'camel';

/** Webhooks: events posted to a URL of yours. `verifyWebhook` checks them there. */
export class Webhooks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * @throws BanataError `WEBHOOK_URL_REFUSED`, `WEBHOOK_LIMIT_REACHED`.
   * @example
   * ```ts
   * const { id, signingSecret } = await banata.webhooks.create({
   *   url: 'https://example.com/hooks/banata',
   *   eventTypes: ['sandbox.agent.task.completed', 'sandbox.agent.task.failed'],
   * });
   * ```
   */
  create(options: CreateWebhookOptions, call: CallOptions = {}): Promise<WebhookWithSecret> {
    return this.#post('/v1/webhooks', options, call);
  }

  /**
   * @throws BanataError `WEBHOOK_NOT_FOUND`.
   * @example
   * ```ts
   * const { enabled, failingSince } = await banata.webhooks.get(id);
   * ```
   */
  get(id: string, call: CallOptions = {}): Promise<Webhook> {
    return this.#transport.json({ method: 'GET', path: '/v1/webhooks', query: { id, style }, ...call });
  }

  /**
   * @param options.limit Default 50, at most 200.
   * @example
   * ```ts
   * const { data } = await banata.webhooks.list();
   * ```
   */
  list(options: CallOptions & { limit?: number; cursor?: string } = {}): Promise<WebhookPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/webhooks', query: { ...query, style }, signal });
  }

  /**
   * @throws BanataError `WEBHOOK_NOT_FOUND`, `WEBHOOK_URL_REFUSED`.
   * @example
   * ```ts
   * await banata.webhooks.update(id, { enabled: true });
   * ```
   */
  update(id: string, change: UpdateWebhookOptions, call: CallOptions = {}): Promise<Webhook> {
    return this.#post('/v1/webhooks/update', { ...change, id, style }, call, 'idempotent');
  }

  /**
   * Deletes a webhook with its deliveries.
   * @throws BanataError `WEBHOOK_NOT_FOUND`.
   * @example
   * ```ts
   * await banata.webhooks.delete(id);
   * ```
   */
  async delete(id: string, call: CallOptions = {}): Promise<void> {
    await this.#transport.json({ method: 'DELETE', path: '/v1/webhooks', query: { id }, ...call });
  }

  /**
   * Makes a new signing secret. Both sign until `overlapMs` is over: change the receiver in that time.
   * @param options.overlapMs Default 86,400,000 (a day), which is the most; 0 when the old one has leaked.
   * @throws BanataError `WEBHOOK_NOT_FOUND`.
   * @example
   * ```ts
   * const { signingSecret } = await banata.webhooks.rotateSecret(id);
   * ```
   */
  rotateSecret(id: string, options: CallOptions & { overlapMs?: number } = {}): Promise<WebhookWithSecret> {
    const { signal, ...body } = options;
    return this.#post('/v1/webhooks/rotate-secret', { ...body, id, style }, signal ? { signal } : {});
  }

  /**
   * Sends an event of type `webhook.test`. Answers before it has arrived: read the delivery for that.
   * @throws BanataError `WEBHOOK_NOT_FOUND`, `WEBHOOK_DISABLED`.
   * @example
   * ```ts
   * const { id: deliveryId } = await banata.webhooks.test(id);
   * const { status, attempts } = await banata.webhooks.getDelivery(id, deliveryId);
   * ```
   */
  test(id: string, call: CallOptions = {}): Promise<WebhookDelivery> {
    return this.#post('/v1/webhooks/test', { id }, call);
  }

  /**
   * Deliveries with their attempts.
   * @param options.limit Default 20, at most 100.
   * @throws BanataError `WEBHOOK_NOT_FOUND`.
   * @example
   * ```ts
   * const { data: deadLetters } = await banata.webhooks.deliveries(id, { status: 'failed' });
   * ```
   */
  deliveries(
    id: string,
    options: CallOptions & { status?: WebhookDelivery['status']; limit?: number; cursor?: string } = {},
  ): Promise<DeliveryPage> {
    const { signal, ...query } = options;
    return this.#transport.json({
      method: 'GET',
      path: '/v1/webhooks/deliveries',
      query: { ...query, id },
      signal,
    });
  }

  /**
   * One delivery with its payload.
   * @throws BanataError `WEBHOOK_NOT_FOUND`, `DELIVERY_NOT_FOUND`.
   * @example
   * ```ts
   * const { payload } = await banata.webhooks.getDelivery(id, deliveryId);
   * ```
   */
  getDelivery(id: string, deliveryId: string, call: CallOptions = {}): Promise<WebhookDelivery> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/webhooks/deliveries',
      query: { id, deliveryId },
      ...call,
    });
  }

  /**
   * Sends a delivery again, whatever became of it, with the same event id.
   * @throws BanataError `WEBHOOK_NOT_FOUND`, `DELIVERY_NOT_FOUND`, `WEBHOOK_DISABLED`.
   * @example
   * ```ts
   * for (const { id: deliveryId } of deadLetters) await banata.webhooks.redeliver(id, deliveryId);
   * ```
   */
  redeliver(id: string, deliveryId: string, call: CallOptions = {}): Promise<WebhookDelivery> {
    return this.#post('/v1/webhooks/redeliver', { id, deliveryId }, call, 'idempotent');
  }

  #post<T>(path: string, json: unknown, { signal }: CallOptions, safety?: 'idempotent'): Promise<T> {
    return this.#transport.json({ method: 'POST', path, json, signal, ...(safety && { safety }) });
  }
}

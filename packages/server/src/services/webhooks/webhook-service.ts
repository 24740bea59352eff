import {
  ApiError,
  newId,
  WEBHOOK_TEST_TYPE,
  type CreateWebhook,
  type DeliveryStatus,
  type EventType,
  type SnakeWebhook,
  type UpdateWebhook,
  type Webhook,
  type WebhookDelivery,
  type WebhookStyle,
} from '@banata/protocol';
import type { WebhookRow } from '../../database/tables/events.ts';
import type { DeliveryStore, DeliveryWithAttempts } from '../../stores/delivery-store.ts';
import type { WebhookStore } from '../../stores/webhook-store.ts';
import type { Caller } from '../access.ts';
import { OutboundBlockedError } from '../net/outbound-blocked-error.ts';
import type { OutboundGuard } from '../net/outbound-guard.ts';
import type { Secrets } from '../secrets.ts';
import { newSigningSecret } from './signature.ts';
import { toDelivery, toWebhook } from './webhook-view.ts';

/** Most webhooks of one organization: every event is matched against all of them. */
const MAX_WEBHOOKS = 50;

export interface WebhookServiceDeps {
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  secrets: Secrets;
  /** Judges the addresses of webhooks. */
  webhookGuard: OutboundGuard;
  now: () => number;
}

type AnyWebhook = Webhook | SnakeWebhook;
/** Whose webhooks these are. */
type Tenant = Pick<Caller, 'organizationId'>;

/** What the sealed secrets of a webhook are bound to. */
export function secretContext(webhookId: string): string {
  return `webhook ${webhookId}`;
}

/** Webhooks of an organization and their deliveries. */
export class WebhookService {
  readonly #deps: WebhookServiceDeps;

  constructor(deps: WebhookServiceDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} WEBHOOK_URL_REFUSED, WEBHOOK_LIMIT_REACHED. */
  async create({ organizationId }: Tenant, input: CreateWebhook): Promise<AnyWebhook> {
    const { webhooks, secrets, now } = this.#deps;
    this.#checkUrl(input.url);
    const id = newId();
    const signingSecret = newSigningSecret();
    const at = now();
    const row: WebhookRow = {
      id,
      organization_id: organizationId,
      url: input.url,
      description: input.description ?? '',
      event_types: distinct(input.eventTypes ?? input.event_types ?? null),
      style: input.event_types === undefined ? 'camel' : 'snake',
      enabled: true,
      disabled_reason: null,
      secret_sealed: secrets.seal(signingSecret, secretContext(id)),
      previous_secret_sealed: null,
      previous_secret_until: null,
      failing_since: null,
      created_at: at,
      updated_at: at,
    };
    if (!(await webhooks.insert(row, MAX_WEBHOOKS))) {
      throw new ApiError(
        'WEBHOOK_LIMIT_REACHED',
        `The organization has ${MAX_WEBHOOKS} webhooks, its most.`,
        {
          details: { limit: MAX_WEBHOOKS },
        },
      );
    }
    return toWebhook(row, { now: at, signingSecret });
  }

  async get({ organizationId }: Tenant, id: string, style?: WebhookStyle): Promise<AnyWebhook> {
    return toWebhook(await this.#find(organizationId, id), { style, now: this.#deps.now() });
  }

  async list(
    { organizationId }: Tenant,
    options: { limit: number; cursor?: string | undefined; style?: WebhookStyle | undefined },
  ): Promise<{ data: AnyWebhook[]; nextCursor: string | null }> {
    const { rows, nextCursor } = await this.#deps.webhooks.list(organizationId, options);
    const now = this.#deps.now();
    return { data: rows.map((row) => toWebhook(row, { style: options.style, now })), nextCursor };
  }

  /** @throws {ApiError} WEBHOOK_NOT_FOUND, WEBHOOK_URL_REFUSED. */
  async update({ organizationId }: Tenant, input: UpdateWebhook): Promise<AnyWebhook> {
    const { id, url, description, enabled, eventTypes, event_types } = input;
    if (url !== undefined) this.#checkUrl(url);
    const types = eventTypes === undefined ? event_types : eventTypes;
    const now = this.#deps.now();
    const row = await this.#deps.webhooks.update(organizationId, id, {
      updated_at: now,
      ...(url === undefined ? {} : { url, failing_since: null }),
      ...(description === undefined ? {} : { description }),
      ...(enabled === undefined ? {} : { enabled, disabled_reason: null, failing_since: null }),
      ...(types === undefined
        ? {}
        : { event_types: distinct(types), style: event_types === undefined ? 'camel' : 'snake' }),
    });
    if (!row) throw new ApiError('WEBHOOK_NOT_FOUND');
    return toWebhook(row, { style: input.style, now });
  }

  /** @throws {ApiError} WEBHOOK_NOT_FOUND. */
  async delete({ organizationId }: Tenant, id: string): Promise<void> {
    if (!(await this.#deps.webhooks.delete(organizationId, id))) throw new ApiError('WEBHOOK_NOT_FOUND');
  }

  /** @throws {ApiError} WEBHOOK_NOT_FOUND. */
  async rotateSecret(
    { organizationId }: Tenant,
    { id, overlapMs, style }: { id: string; overlapMs: number; style?: WebhookStyle | undefined },
  ): Promise<AnyWebhook> {
    const { webhooks, secrets } = this.#deps;
    const now = this.#deps.now();
    const signingSecret = newSigningSecret();
    const row = await webhooks.rotate(organizationId, id, {
      sealed: secrets.seal(signingSecret, secretContext(id)),
      previousUntil: now + overlapMs,
      now,
    });
    if (!row) throw new ApiError('WEBHOOK_NOT_FOUND');
    return toWebhook(row, { style, now, signingSecret });
  }

  /** @throws {ApiError} WEBHOOK_NOT_FOUND, WEBHOOK_DISABLED. */
  async test({ organizationId }: Tenant, id: string): Promise<WebhookDelivery> {
    await this.#findEnabled(organizationId, id);
    const now = this.#deps.now();
    const payload = {
      id: newId(),
      type: WEBHOOK_TEST_TYPE,
      sandboxId: null,
      data: { webhookId: id },
      createdAt: now,
    } as const;
    const row = await this.#deps.deliveries.insert({ id: newId(), webhookId: id, payload, now });
    return toDelivery(row, payload);
  }

  async listDeliveries(
    { organizationId }: Tenant,
    webhookId: string,
    options: { status?: DeliveryStatus | undefined; limit: number; cursor?: string | undefined },
  ): Promise<{ data: WebhookDelivery[]; nextCursor: string | null }> {
    await this.#find(organizationId, webhookId);
    const { rows, nextCursor } = await this.#deps.deliveries.list(webhookId, options);
    return { data: rows.map((row) => toDelivery(row)), nextCursor };
  }

  /** One delivery with its payload. @throws {ApiError} WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND. */
  async delivery({ organizationId }: Tenant, webhookId: string, id: string): Promise<WebhookDelivery> {
    await this.#find(organizationId, webhookId);
    const row = await this.#findDelivery(webhookId, id);
    return toDelivery(row, await this.#deps.deliveries.payload(row));
  }

  /** @throws {ApiError} WEBHOOK_NOT_FOUND, DELIVERY_NOT_FOUND, WEBHOOK_DISABLED. */
  async redeliver({ organizationId }: Tenant, webhookId: string, id: string): Promise<WebhookDelivery> {
    await this.#findEnabled(organizationId, webhookId);
    await this.#findDelivery(webhookId, id);
    await this.#deps.deliveries.requeue(webhookId, id, this.#deps.now());
    return toDelivery(await this.#findDelivery(webhookId, id));
  }

  async #find(organizationId: string, id: string): Promise<WebhookRow> {
    const row = await this.#deps.webhooks.find(organizationId, id);
    if (!row) throw new ApiError('WEBHOOK_NOT_FOUND');
    return row;
  }

  async #findEnabled(organizationId: string, id: string): Promise<WebhookRow> {
    const row = await this.#find(organizationId, id);
    if (!row.enabled) throw new ApiError('WEBHOOK_DISABLED', row.disabled_reason ?? undefined);
    return row;
  }

  async #findDelivery(webhookId: string, id: string): Promise<DeliveryWithAttempts> {
    const row = await this.#deps.deliveries.find(webhookId, id);
    if (!row) throw new ApiError('DELIVERY_NOT_FOUND');
    return row;
  }

  /** What can be told without a look-up; the rest is judged at every delivery. */
  #checkUrl(text: string): void {
    const { webhookGuard } = this.#deps;
    try {
      const url = webhookGuard.check(text);
      if (url.protocol === 'http:' && !webhookGuard.opens(url)) {
        throw new ApiError('WEBHOOK_URL_REFUSED', `Webhooks are sent to https URLs, not to ${url.origin}.`);
      }
    } catch (cause) {
      if (!(cause instanceof OutboundBlockedError)) throw cause;
      throw new ApiError('WEBHOOK_URL_REFUSED', cause.message, { cause });
    }
  }
}

function distinct(types: EventType[] | null): EventType[] | null {
  return types && [...new Set(types)];
}

import type { WebhookPayload } from '@banata/protocol';
import { Waker, type Notifications } from '../database/notifications.ts';
import type { Logger } from '../logger.ts';
import type { Secrets } from '../services/secrets.ts';
import { retryDelay } from '../services/webhooks/retry-schedule.ts';
import type { SendOutcome, WebhookSender } from '../services/webhooks/sender.ts';
import { signatureHeaders } from '../services/webhooks/signature.ts';
import { secretContext } from '../services/webhooks/webhook-service.ts';
import { DELIVERIES_CHANNEL } from '../stores/event-store.ts';
import type { ClaimedDelivery, DeliveryFate, OutboxStore } from '../stores/outbox-store.ts';
import type { OpenSpan, Tracing } from '../tracing/tracing.ts';

/** Most attempts in the air on one server. */
const MAX_IN_FLIGHT = 128;
/** Most attempts in the air for one webhook over all servers: a slow receiver leaves room for the others. */
const PER_WEBHOOK = 4;
/** Longer than an attempt takes, so that only a server that died loses what it was sending. */
const LEASE_MS = 30_000;
/** How often due retries and lost leases are looked for; new events wake the job at once. */
const POLL_MS = 1_000;
const FAILURE_PAUSE_MS = 2_000;
const TIDY_MS = 10 * 60_000;
const KEEP_MS = 30 * 24 * 60 * 60_000;
const TIDY_BATCH = 5_000;

export interface WebhookDelivererDeps {
  outbox: OutboxStore;
  sender: WebhookSender;
  /** Adds what is signed as it is sent and never stored. */
  complete: (payload: WebhookPayload) => Promise<WebhookPayload>;
  secrets: Secrets;
  notifications: Notifications;
  tracing: Tracing;
  logger: Logger;
  now: () => number;
}

/**
 * Sends what is in the outbox. Every server runs one; a delivery is leased before it is sent and settled after, so
 * that it is sent at least once whoever dies in between.
 */
export class WebhookDeliverer {
  readonly #deps: WebhookDelivererDeps;
  readonly #waker = new Waker();
  readonly #inFlight = new Set<Promise<void>>();
  #reclaimAt = 0;
  #tidyAt = 0;

  constructor(deps: WebhookDelivererDeps) {
    this.#deps = deps;
  }

  /** Runs until `signal` aborts; attempts that are in the air then are stopped and made due again. */
  async run(signal: AbortSignal): Promise<void> {
    const { notifications, logger } = this.#deps;
    const unsubscribe = notifications.subscribe(DELIVERIES_CHANNEL, '', this.#waker.wake);
    let own = true;
    try {
      while (!signal.aborted) {
        try {
          await this.#upkeep(own);
          own = false;
          await this.#sendDue(signal);
          await this.#waker.wait(POLL_MS, signal);
        } catch (error) {
          logger.error({ event: 'webhooks.failed', err: error }, 'webhook deliveries cannot be read');
          await new Waker().wait(FAILURE_PAUSE_MS, signal);
        }
      }
    } finally {
      unsubscribe();
      await Promise.all(this.#inFlight);
    }
  }

  /** @param own also what this server left behind when it was killed. */
  async #upkeep(own: boolean): Promise<void> {
    const { outbox, now } = this.#deps;
    const at = now();
    if (own || at >= this.#reclaimAt) {
      await outbox.reclaim({ now: at, own });
      this.#reclaimAt = at + POLL_MS;
    }
    if (at >= this.#tidyAt) {
      await outbox.tidy({ now: at, keepMs: KEEP_MS, batch: TIDY_BATCH });
      this.#tidyAt = at + TIDY_MS;
    }
  }

  async #sendDue(signal: AbortSignal): Promise<void> {
    const room = MAX_IN_FLIGHT - this.#inFlight.size;
    if (room <= 0) return;
    const { outbox, now } = this.#deps;
    const claimed = await outbox.claim({
      limit: room,
      perWebhook: PER_WEBHOOK,
      leaseMs: LEASE_MS,
      now: now(),
    });
    for (const delivery of claimed) {
      const done = this.#traced(delivery, signal).finally(() => {
        this.#inFlight.delete(done);
        this.#waker.wake();
      });
      this.#inFlight.add(done);
    }
  }

  #traced(delivery: ClaimedDelivery, signal: AbortSignal): Promise<void> {
    const attributes = {
      'banata.webhook.id': delivery.webhookId,
      'banata.delivery.id': delivery.id,
      'banata.delivery.attempt': delivery.attempt,
      'banata.event.id': delivery.payload?.id,
      'banata.event.type': delivery.payload?.type,
      'banata.sandbox.id': delivery.payload?.sandboxId ?? undefined,
    };
    return this.#deps.tracing.run({ name: 'webhook.deliver', kind: 'client', attributes }, (span) =>
      this.#deliver(delivery, signal, span),
    );
  }

  /** Never rejects: what cannot be settled comes back when its lease ends. */
  async #deliver(delivery: ClaimedDelivery, signal: AbortSignal, span: OpenSpan): Promise<void> {
    const { outbox, logger, now } = this.#deps;
    try {
      const outcome = await this.#attempt(delivery, signal);
      const fate = decide(delivery, outcome, { now: now(), stopped: signal.aborted });
      span.set({ 'http.response.status_code': outcome.status ?? undefined, 'banata.delivery.fate': fate.to });
      if (fate.to !== 'delivered') span.fail(outcome.status === null ? 'no_reply' : String(outcome.status));
      await outbox.finish(delivery, outcome, fate, now());
      logger.debug(
        {
          event: 'webhook.attempt',
          deliveryId: delivery.id,
          webhookId: delivery.webhookId,
          attempt: delivery.attempt,
          status: outcome.status,
          error: outcome.error,
          durationMs: outcome.durationMs,
          fate: fate.to,
        },
        'webhook attempt',
      );
    } catch (error) {
      logger.error(
        { event: 'webhook.unsettled', deliveryId: delivery.id, err: error },
        'a webhook attempt could not be settled',
      );
    }
  }

  async #attempt(delivery: ClaimedDelivery, signal: AbortSignal): Promise<SendOutcome> {
    const { payload } = delivery;
    if (!payload) {
      return {
        startedAt: this.#deps.now(),
        durationMs: 0,
        status: null,
        error: 'The event is not kept any more.',
        responseBody: null,
        retryAfterMs: undefined,
      };
    }
    const body = JSON.stringify(await this.#deps.complete(payload));
    const message = { id: payload.id, body };
    const headers = signatureHeaders(message, this.#openSecrets(delivery), this.#deps.now() / 1000);
    return this.#deps.sender.send({ url: delivery.url, body, headers }, signal);
  }

  /** The secrets that sign now, the newest first. */
  #openSecrets(delivery: ClaimedDelivery): string[] {
    const { secrets, now } = this.#deps;
    const context = secretContext(delivery.webhookId);
    const { previousSecretSealed: previous, previousSecretUntil: until } = delivery;
    const sealed = [delivery.secretSealed];
    if (previous && until !== null && until > now()) sealed.push(previous);
    return sealed.map((buffer) => secrets.open(buffer, context));
  }
}

function decide(
  delivery: ClaimedDelivery,
  { status, retryAfterMs }: SendOutcome,
  { now, stopped }: { now: number; stopped: boolean },
): DeliveryFate {
  if (status !== null && status >= 200 && status < 300) return { to: 'delivered' };
  if (stopped && status === null) return { to: 'pending', at: now, blameless: true };
  if (status === 410) return { to: 'failed', disable: 'The receiver answered 410 Gone.' };
  if (!delivery.payload) return { to: 'failed' };
  const asked = status === 429 || status === 503 ? retryAfterMs : undefined;
  const at = now + retryDelay(delivery.attempt, asked);
  return at < delivery.giveUpAt ? { to: 'pending', at } : { to: 'failed' };
}

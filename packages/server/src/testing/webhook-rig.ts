import { newId } from '@banata/protocol';
import { randomBytes } from 'node:crypto';
import { connectDatabase, type Database } from '../database/connect.ts';
import { Notifications } from '../database/notifications.ts';
import { WebhookDeliverer } from '../jobs/webhook-deliverer.ts';
import { createLogger } from '../logger.ts';
import { createOutboundGuard, type OutboundGuard } from '../services/net/outbound-guard.ts';
import { Secrets } from '../services/secrets.ts';
import { WebhookSender } from '../services/webhooks/sender.ts';
import { WebhookService } from '../services/webhooks/webhook-service.ts';
import { DeliveryStore } from '../stores/delivery-store.ts';
import { DELIVERIES_CHANNEL, EVENTS_CHANNEL, EventStore, type NewEvent } from '../stores/event-store.ts';
import { OutboxStore } from '../stores/outbox-store.ts';
import { WebhookStore } from '../stores/webhook-store.ts';
import type { TestDatabase } from './database.ts';
import { seedOrganization, seedSandbox } from './seed.ts';
import { noTracing } from '../tracing/tracing.ts';

const silent = createLogger('silent');

export interface RigOptions {
  /** `host:port` pairs that may be sent to. */
  allowHosts: string[];
  /** Default 500. */
  attemptTimeoutMs?: number;
}

/** The parts that send webhooks, on a real database, with a clock that can be put forward. */
export class WebhookRig implements AsyncDisposable {
  readonly db: Database;
  readonly events: EventStore;
  readonly service: WebhookService;
  readonly #connection: TestDatabase['connection'];
  readonly #secrets = new Secrets(randomBytes(32));
  readonly #guard: OutboundGuard;
  readonly #attemptTimeoutMs: number;
  readonly #running: { stop: () => Promise<void> }[] = [];
  #skew = 0;

  constructor(database: TestDatabase, options: RigOptions) {
    this.#connection = database.connection;
    this.#attemptTimeoutMs = options.attemptTimeoutMs ?? 500;
    this.db = connectDatabase(database.connection, silent).db;
    this.events = new EventStore(this.db);
    this.#guard = createOutboundGuard({ allowHosts: options.allowHosts });
    this.service = new WebhookService({
      webhooks: new WebhookStore(this.db),
      deliveries: new DeliveryStore(this.db),
      secrets: this.#secrets,
      webhookGuard: this.#guard,
      now: this.now,
    });
  }

  readonly now = (): number => Date.now() + this.#skew;

  /** Puts the clock of all parts forward. */
  advance(ms: number): void {
    this.#skew += ms;
  }

  async tenant() {
    const organizationId = await seedOrganization(this.db);
    const sandboxId = await seedSandbox(this.db, organizationId);
    return { organizationId, sandboxId };
  }

  async append(sandboxId: string, ...events: NewEvent[]): Promise<void> {
    await this.db.transaction().execute((tx) => this.events.append(tx, sandboxId, events, this.now()));
  }

  /** Starts one server's share of the work. */
  async startDeliverer(owner: string = newId()): Promise<{ stop: () => Promise<void> }> {
    const logger = createLogger('error');
    const notifications = new Notifications(this.#connection, [EVENTS_CHANNEL, DELIVERIES_CHANNEL], logger);
    await notifications.start();
    const deliverer = new WebhookDeliverer({
      outbox: new OutboxStore(this.db, owner),
      sender: new WebhookSender(this.#guard, this.#attemptTimeoutMs, this.now),
      secrets: this.#secrets,
      notifications,
      complete: async (payload) => payload,
      tracing: noTracing,
      logger,
      now: this.now,
    });
    const abort = new AbortController();
    const done = deliverer.run(abort.signal);
    const started = {
      stop: async () => {
        abort.abort();
        await done;
        await notifications.close();
      },
    };
    this.#running.push(started);
    return started;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map(({ stop }) => stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
    await this.#guard.close();
    await this.db.destroy();
  }
}

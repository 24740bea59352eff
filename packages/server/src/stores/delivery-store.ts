import type { DeliveryStatus, WebhookPayload } from '@banata/protocol';
import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { AttemptRow, DeliveryRow } from '../database/tables/events.ts';
import { byOrdinal, decodeCursor, toPage, type Page } from './cursor.ts';
import { DELIVERIES_CHANNEL, GIVE_UP_AFTER_MS } from './event-store.ts';
import { storableJson } from './text.ts';

const SHOWN_ATTEMPTS = 50;

export type DeliveryWithAttempts = DeliveryRow & { attemptRows: AttemptRow[] };

/** The deliveries of webhooks, as callers see and steer them. Sending them is the {@link OutboxStore}'s. */
export class DeliveryStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Queues a message that no event stands for. */
  async insert(delivery: {
    id: string;
    webhookId: string;
    payload: WebhookPayload;
    now: number;
  }): Promise<DeliveryWithAttempts> {
    const { id, webhookId, payload, now } = delivery;
    return this.#db.transaction().execute(async (tx) => {
      const row = await tx
        .insertInto('webhook_deliveries')
        .values({
          id,
          webhook_id: webhookId,
          event_id: payload.id,
          event_type: payload.type,
          sandbox_id: payload.sandboxId,
          payload: storableJson(payload),
          status: 'pending',
          attempts: 0,
          next_attempt_at: now,
          give_up_at: now + GIVE_UP_AFTER_MS,
          created_at: now,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      await sql`select pg_notify(${DELIVERIES_CHANNEL}, '')`.execute(tx);
      return { ...row, attemptRows: [] };
    });
  }

  async find(webhookId: string, id: string): Promise<DeliveryWithAttempts | undefined> {
    const row = await this.#db
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('webhook_id', '=', webhookId)
      .where('id', '=', id)
      .executeTakeFirst();
    return row && (await this.#withAttempts([row]))[0];
  }

  async list(
    webhookId: string,
    options: { status?: DeliveryStatus | undefined; limit: number; cursor?: string | undefined },
  ): Promise<Page<DeliveryWithAttempts>> {
    let query = this.#db
      .selectFrom('webhook_deliveries')
      .selectAll()
      .where('webhook_id', '=', webhookId)
      .orderBy('ordinal', 'desc')
      .limit(options.limit + 1);
    if (options.status !== undefined) query = query.where('status', '=', options.status);
    if (options.cursor !== undefined)
      query = query.where('ordinal', '<', decodeCursor(options.cursor, 'number')[0]);
    const { rows, nextCursor } = toPage(await query.execute(), options.limit, byOrdinal);
    return { rows: await this.#withAttempts(rows), nextCursor };
  }

  /** What the delivery sends; undefined when its event is not kept any more. */
  async payload(delivery: DeliveryRow): Promise<WebhookPayload | undefined> {
    if (delivery.payload) return delivery.payload;
    const event = await this.#db
      .selectFrom('events')
      .select(['id', 'type', 'sandbox_id', 'data', 'created_at'])
      .where('id', '=', delivery.event_id)
      .executeTakeFirst();
    return event && toPayload(event);
  }

  /** Makes a delivery due now, for another day. One that is being sent at this moment stays as it is. */
  async requeue(webhookId: string, id: string, now: number): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx
        .updateTable('webhook_deliveries')
        .set({
          status: 'pending',
          next_attempt_at: now,
          give_up_at: now + GIVE_UP_AFTER_MS,
          finished_at: null,
        })
        .where('webhook_id', '=', webhookId)
        .where('id', '=', id)
        .where('status', '<>', 'sending')
        .execute();
      await sql`select pg_notify(${DELIVERIES_CHANNEL}, '')`.execute(tx);
    });
  }

  async #withAttempts(rows: DeliveryRow[]): Promise<DeliveryWithAttempts[]> {
    if (rows.length === 0) return [];
    const attempts = await this.#db
      .selectFrom('webhook_attempts as a')
      .innerJoin('webhook_deliveries as d', 'd.id', 'a.delivery_id')
      .selectAll('a')
      .where(
        'a.delivery_id',
        'in',
        rows.map((row) => row.id),
      )
      .whereRef('a.number', '>', (eb) => eb('d.attempts', '-', SHOWN_ATTEMPTS))
      .orderBy('a.number')
      .execute();
    return rows.map((row) => ({
      ...row,
      attemptRows: attempts.filter((attempt) => attempt.delivery_id === row.id),
    }));
  }
}

/** The body that stands for an event. Made from the row each time, so that every attempt sends the same. */
export function toPayload(event: {
  id: string;
  type: string;
  sandbox_id: string;
  data: Record<string, unknown>;
  created_at: number;
}): WebhookPayload {
  return {
    id: event.id,
    type: event.type as WebhookPayload['type'],
    sandboxId: event.sandbox_id,
    data: event.data,
    createdAt: event.created_at,
  };
}

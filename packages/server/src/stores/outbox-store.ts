import type { WebhookPayload } from '@banata/protocol';
import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { Tx } from './event-store.ts';
import { toPayload } from './delivery-store.ts';
import { storableText } from './text.ts';

/** One server at a time picks deliveries, so that the bound per webhook holds over all of them. */
const CLAIM_LOCK = 4_204_042;

/** A delivery that this server is to send now. */
export interface ClaimedDelivery {
  id: string;
  webhookId: string;
  /** Number of this attempt, from 1. */
  attempt: number;
  giveUpAt: number;
  url: string;
  /** Undefined when its event is not kept any more. */
  payload: WebhookPayload | undefined;
  secretSealed: Buffer;
  previousSecretSealed: Buffer | null;
  previousSecretUntil: number | null;
  /** Whether the deliveries before this one failed. */
  failing: boolean;
}

/** What came of an attempt. */
export interface AttemptResult {
  startedAt: number;
  durationMs: number;
  status: number | null;
  error: string | null;
  responseBody: string | null;
}

/** What becomes of the delivery. */
export type DeliveryFate =
  | { to: 'delivered' }
  /** `disable`: why the webhook gets nothing any more. */
  | { to: 'failed'; disable?: string }
  /** `blameless`: it was not the receiver's fault. */
  | { to: 'pending'; at: number; blameless?: true };

interface ClaimRow {
  id: string;
  webhook_id: string;
  attempts: number;
  give_up_at: number;
  payload: WebhookPayload | null;
  url: string;
  secret_sealed: Buffer;
  previous_secret_sealed: Buffer | null;
  previous_secret_until: number | null;
  failing_since: number | null;
  event_id: string;
  type: string | null;
  sandbox_id: string;
  data: Record<string, unknown>;
  event_created_at: number;
}

/** The outbox of webhook deliveries, shared by all servers on the database. */
export class OutboxStore {
  readonly #db: Database;
  readonly #owner: string;

  /** @param owner name of this server in leases. */
  constructor(db: Database, owner: string) {
    this.#db = db;
    this.#owner = owner;
  }

  /**
   * Takes due deliveries, the longest due first, at most `perWebhook` in the air for one webhook over all servers (one
   * where the last attempt failed, so that a dead receiver costs little).
   */
  async claim(options: {
    limit: number;
    perWebhook: number;
    leaseMs: number;
    now: number;
  }): Promise<ClaimedDelivery[]> {
    const { limit, perWebhook, leaseMs, now } = options;
    const { rows } = await this.#db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${CLAIM_LOCK})`.execute(tx);
      // Hops from webhook to webhook over the index, so that a long backlog of one costs no more than a short one.
      return sql<ClaimRow>`
        with recursive waiting as (
          (select webhook_id from webhook_deliveries where status = 'pending' order by webhook_id limit 1)
          union all
          select (select d.webhook_id from webhook_deliveries d
                  where d.status = 'pending' and d.webhook_id > waiting.webhook_id
                  order by d.webhook_id limit 1)
          from waiting where waiting.webhook_id is not null
        ), due as (
          select picked.id
          from waiting
          join webhooks w on w.id = waiting.webhook_id and w.enabled
          cross join lateral (
            select d.id, d.next_attempt_at from webhook_deliveries d
            where d.webhook_id = w.id and d.status = 'pending' and d.next_attempt_at <= ${now}
            order by d.next_attempt_at, d.ordinal
            limit greatest(0, case when w.failing_since is null then ${perWebhook}::int else 1 end
              - (select count(*) from webhook_deliveries s where s.webhook_id = w.id and s.status = 'sending'))
            for update skip locked
          ) picked
          order by picked.next_attempt_at
          limit ${limit}
        ), taken as (
          update webhook_deliveries d
          set status = 'sending', attempts = d.attempts + 1, lease_owner = ${this.#owner},
            lease_until = ${now + leaseMs}
          from due where d.id = due.id
          returning d.*
        )
        select t.id, t.webhook_id, t.attempts, t.give_up_at, t.payload, t.event_id,
          w.url, w.secret_sealed, w.previous_secret_sealed, w.previous_secret_until, w.failing_since,
          e.type, e.sandbox_id, e.data, e.created_at as event_created_at
        from taken t join webhooks w on w.id = t.webhook_id left join events e on e.id = t.event_id`.execute(
        tx,
      );
    });
    return rows.map(toClaimed);
  }

  /** Writes down what came of an attempt. Does nothing when the lease was lost meanwhile. */
  async finish(
    delivery: ClaimedDelivery,
    result: AttemptResult,
    fate: DeliveryFate,
    now: number,
  ): Promise<void> {
    const { id, webhookId, attempt } = delivery;
    await this.#db.transaction().execute(async (tx) => {
      // The webhook's row first: its deletion takes the locks in this order too.
      await this.#judge(tx, { webhookId, failing: delivery.failing }, fate, now);
      await sql`
        with done as (
          update webhook_deliveries
          set status = ${fate.to}, lease_owner = null, lease_until = null,
            next_attempt_at = ${fate.to === 'pending' ? fate.at : now},
            finished_at = ${fate.to === 'pending' ? null : now}
          where id = ${id} and status = 'sending' and lease_owner = ${this.#owner} and attempts = ${attempt}
          returning id
        )
        insert into webhook_attempts (delivery_id, number, started_at, duration_ms, status, error, response_body)
        select id, ${attempt}::int, ${result.startedAt}::bigint, ${result.durationMs}::bigint, ${result.status}::int,
          ${result.error === null ? null : storableText(result.error)}::text,
          ${result.responseBody === null ? null : storableText(result.responseBody)}::text
        from done`.execute(tx);
    });
  }

  /** Makes deliveries due again whose server died, and at its start those this server left behind. */
  async reclaim(options: { now: number; own: boolean }): Promise<void> {
    const { now, own } = options;
    await sql`
      with lost as (
        update webhook_deliveries
        set status = case when give_up_at <= ${now} then 'failed' else 'pending' end,
          finished_at = case when give_up_at <= ${now} then ${now}::bigint end,
          next_attempt_at = ${now}, lease_owner = null, lease_until = null
        where status = 'sending' and (lease_until < ${now} or (${own} and lease_owner = ${this.#owner}))
        returning id, attempts
      )
      insert into webhook_attempts (delivery_id, number, started_at, duration_ms, error)
      select id, attempts, ${now}::bigint, 0, 'The server ended before it could write down what came of this attempt.'
      from lost
      on conflict do nothing`.execute(this.#db);
  }

  /** Gives up what waits for a webhook that stays disabled, and forgets finished deliveries. */
  async tidy(options: { now: number; keepMs: number; batch: number }): Promise<void> {
    const { now, keepMs, batch } = options;
    await sql`
      update webhook_deliveries d set status = 'failed', finished_at = ${now}
      from webhooks w
      where w.id = d.webhook_id and not w.enabled and d.status = 'pending' and d.give_up_at <= ${now}`.execute(
      this.#db,
    );
    await sql`
      delete from webhook_deliveries where id in (
        select id from webhook_deliveries where finished_at < ${now - keepMs} limit ${batch})`.execute(
      this.#db,
    );
  }

  async #judge(
    tx: Tx,
    { webhookId, failing }: { webhookId: string; failing: boolean },
    fate: DeliveryFate,
    now: number,
  ): Promise<void> {
    if (fate.to === 'pending' && fate.blameless) return;
    if (fate.to === 'delivered') {
      if (!failing) return;
      await tx.updateTable('webhooks').set({ failing_since: null }).where('id', '=', webhookId).execute();
      return;
    }
    const disable = fate.to === 'failed' ? fate.disable : undefined;
    if (failing && disable === undefined) return;
    await tx
      .updateTable('webhooks')
      .set((eb) => ({
        failing_since: eb.fn.coalesce('failing_since', eb.val(now)),
        ...(disable === undefined ? {} : { enabled: false, disabled_reason: disable, updated_at: now }),
      }))
      .where('id', '=', webhookId)
      .execute();
  }
}

function toClaimed(row: ClaimRow): ClaimedDelivery {
  const { type } = row;
  const event =
    type === null ? undefined : { ...row, id: row.event_id, type, created_at: row.event_created_at };
  return {
    id: row.id,
    webhookId: row.webhook_id,
    attempt: row.attempts,
    giveUpAt: row.give_up_at,
    url: row.url,
    payload: row.payload ?? (event && toPayload(event)),
    secretSealed: row.secret_sealed,
    previousSecretSealed: row.previous_secret_sealed,
    previousSecretUntil: row.previous_secret_until,
    failing: row.failing_since !== null,
  };
}

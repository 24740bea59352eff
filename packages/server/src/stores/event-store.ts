import {
  highRateEventTypes,
  newId,
  type EventData,
  type EventType,
  type OrganizationEvent,
  type SandboxEvent,
} from '@banata/protocol';
import { sql, type Insertable, type RawBuilder, type Transaction } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { Tables } from '../database/schema.ts';
import type { EventRow } from '../database/tables/events.ts';
import type { SandboxesTable, SandboxRow } from '../database/tables/sandboxes.ts';
import { formatEventCursor, type EventPlace } from './event-cursor.ts';
import { storableJson } from './text.ts';

/**
 * Channel on which servers tell each other that there are new events; the payload is the id of the sandbox, and once
 * more that of its organization.
 */
export const EVENTS_CHANNEL = 'banata_events';

/** Channel on which servers tell each other that webhook deliveries are due; without payload. */
export const DELIVERIES_CHANNEL = 'banata_deliveries';

/** How long a delivery is tried: a day. */
export const GIVE_UP_AFTER_MS = 24 * 60 * 60 * 1000;

export type Tx = Transaction<Tables>;

/** An event to append. */
export type NewEvent = { [T in EventType]: { type: T; data: EventData<T> } }[EventType];

export interface OrganizationEventFilter {
  types?: EventType[] | undefined;
  sandboxId?: string | undefined;
}

const txnNow = sql<number>`(select pg_current_xact_id()::text::bigint + txn_offset from event_clock)`;
/** Every transaction below this one has ended, so that nothing can be inserted before it any more. */
const txnSettled = sql<number>`(
  select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + txn_offset from event_clock)`;

/** The one table every change is told in, in the same transaction as the change. */
export class EventStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Appends events of one sandbox, and a delivery for every webhook that gets them. Sequence numbers come from the
   * sandbox's row, which stays locked until the transaction ends, so they are dense and in commit order. An older
   * transaction that gets the row after a younger one takes the younger one's place in the organization's order: a later
   * place than its own is as safe to read, and keeps a sandbox's events in sequence there, too.
   * What happens in the browser paired with a sandbox is told as the sandbox's; only the session's own life is the
   * session's.
   */
  async append(tx: Tx, rowId: string, events: NewEvent[], now: number): Promise<void> {
    const life = events.filter(({ type }) => type.startsWith('session.'));
    await this.#appendTo(tx, sql<string>`${rowId}`, life, now);
    const rest = life.length === 0 ? events : events.filter((event) => !life.includes(event));
    const owner = sql<string>`(select coalesce(paired_with, id) from sandboxes where id = ${rowId})`;
    await this.#appendTo(tx, owner, rest, now);
  }

  async #appendTo(tx: Tx, place: RawBuilder<string>, events: NewEvent[], now: number): Promise<void> {
    if (events.length === 0) return;
    const row = await tx
      .updateTable('sandboxes')
      .set(countedEvents(events.length))
      .where('id', '=', place)
      .returning(['id', 'event_seq', 'event_txn', 'organization_id'])
      .executeTakeFirstOrThrow();
    await this.tell(tx, row, events, { now });
  }

  /**
   * The same where an earlier statement of the transaction has counted the events in the sandbox's row, by
   * {@link countedEvents}. Not in one with it: whoever waited for the row's lock must see the webhooks there are by then.
   * @param row as that statement left it.
   * @param options.beside another change of the same moment, for the same round trip; made without events, too.
   */
  async tell(
    tx: Tx,
    row: EventPlaceInRow,
    events: NewEvent[],
    { now, beside }: { now: number; beside?: RawBuilder<unknown> | undefined },
  ): Promise<void> {
    const also = beside ? sql`, beside as ${beside}` : sql``;
    if (events.length > 0)
      await sql`with ${told(tx, row, events, now)}${also} select ${notified(row)}`.execute(tx);
    else if (beside) await sql`with beside as ${beside} select 1`.execute(tx);
  }

  /** Adds the row of a new sandbox with its first events. In one statement: nobody can hold a lock on a new row. */
  async insertTold(db: Database, row: NewSandbox, events: NewEvent[]): Promise<SandboxRow> {
    const { id, organization_id } = row;
    const counted = { event_seq: events.length, event_txn: txnNow };
    const insert = db
      .insertInto('sandboxes')
      .values({ ...row, ...counted })
      .returningAll();
    const place = { id, organization_id, ...counted };
    const { rows } = await sql<SandboxRow & { notified: string }>`
      with inserted as (${insert}), ${told(db, place, events, row.created_at)}
      select inserted.*, concat(${notified(place)}) as notified from inserted`.execute(db);
    const [found] = rows;
    if (!found) throw new Error('an insert returns its row');
    const { notified: _, ...inserted } = found;
    return inserted;
  }

  /** Events after a sequence number, oldest first. `prefix` keeps the types that begin with it. */
  async list(
    sandboxId: string,
    options: { after: number; limit: number; type?: string | undefined; prefix?: string | undefined },
  ): Promise<SandboxEvent[]> {
    let query = this.#db
      .selectFrom('events')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('seq', '>', options.after)
      .orderBy('seq')
      .limit(options.limit);
    if (options.type !== undefined) query = query.where('type', '=', options.type);
    if (options.prefix !== undefined)
      query = query.where((eb) => eb.fn('starts_with', ['type', eb.val(options.prefix)]), 'is', true);
    return (await query.execute()).map(toEvent);
  }

  /**
   * Events of an organization in the order of their transactions. Only those below which nothing can appear any more
   * are listed, so that a reader who goes on after the last one it saw misses none, however commits interleave.
   * @param options.after a place as {@link EventStore.settledPlace} or the last event's cursor has it.
   */
  async listOrganization(
    organizationId: string,
    options: OrganizationEventFilter & {
      after?: EventPlace | undefined;
      order: 'asc' | 'desc';
      limit: number;
    },
  ): Promise<OrganizationEvent[]> {
    const { after, order, limit } = options;
    let query = this.#filtered(organizationId, options)
      .selectAll()
      .where('txn', '<', txnSettled)
      .orderBy('txn', order)
      .orderBy('position', order)
      .limit(limit);
    if (after) {
      query = query.where((eb) =>
        eb(eb.refTuple('txn', 'position'), order === 'asc' ? '>' : '<', eb.tuple(after.txn, after.position)),
      );
    }
    return (await query.execute()).map((row) => ({ ...toEvent(row), cursor: formatEventCursor(row) }));
  }

  /** Whether there are events after a place that are committed and not listed yet, since an older transaction runs. */
  async hasUnsettled(
    organizationId: string,
    options: OrganizationEventFilter & { after: EventPlace },
  ): Promise<boolean> {
    const { after } = options;
    const row = await this.#filtered(organizationId, options)
      .select('id')
      .where((eb) => eb(eb.refTuple('txn', 'position'), '>', eb.tuple(after.txn, after.position)))
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** The place between the events that are listed now and those that will be. */
  async settledPlace(): Promise<EventPlace> {
    const { settled } = await this.#db
      .selectFrom('event_clock')
      .select(txnSettled.as('settled'))
      .executeTakeFirstOrThrow();
    return { txn: settled - 1, position: Number.MAX_SAFE_INTEGER };
  }

  /**
   * Keeps the order of events growing in a database that was restored from a dump, where PostgreSQL's transaction ids
   * begin anew. Changes nothing otherwise.
   */
  async adoptClock(): Promise<void> {
    await sql`
      update event_clock set txn_offset = greatest(txn_offset, (
        select greatest(
          coalesce(max(newest.txn), 0), (select coalesce(max(event_txn), 0) from sandboxes)
        ) + 1 - pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        from organizations o cross join lateral (
          select txn from events where organization_id = o.id order by txn desc, position desc limit 1
        ) newest))`.execute(this.#db);
  }

  #filtered(organizationId: string, { types, sandboxId }: OrganizationEventFilter) {
    let query = this.#db.selectFrom('events').where('organization_id', '=', organizationId);
    if (types !== undefined) query = query.where('type', 'in', types);
    if (sandboxId !== undefined) query = query.where('sandbox_id', '=', sandboxId);
    return query;
  }
}

/** What of a sandbox's row its events go by. */
type EventPlaceInRow = Pick<SandboxRow, 'id' | 'event_seq' | 'organization_id'> & {
  event_txn: number | RawBuilder<number>;
};

/** The columns of a sandbox's row after so many more events. */
export function countedEvents(count: number | RawBuilder<number>) {
  return {
    event_seq: sql<number>`event_seq + ${count}`,
    event_txn: sql<number>`greatest(event_txn, ${txnNow})`,
  };
}

/** The row of a sandbox that is to be. */
export type NewSandbox = Insertable<SandboxesTable>;

/**
 * The parts `told` and `made` of a statement: the events up to the row's last number, and their deliveries. The lock on
 * a webhook's row keeps a deletion at the same moment from breaking the transaction.
 */
function told(db: Database, row: EventPlaceInRow, events: NewEvent[], now: number): RawBuilder<unknown> {
  const { id: sandboxId, organization_id, event_seq: last, event_txn: txn } = row;
  const insert = db
    .insertInto('events')
    .values(
      events.map((event, index) => ({
        id: newId(),
        organization_id,
        sandbox_id: sandboxId,
        seq: last - events.length + 1 + index,
        type: event.type,
        data: storableJson(event.data),
        created_at: now,
        txn,
      })),
    )
    .returning(['id', 'type', 'seq']);
  return sql`
    told as (${insert}),
    made as (
      insert into webhook_deliveries
        (id, webhook_id, event_id, event_type, sandbox_id, status, next_attempt_at, give_up_at, created_at)
      select left(encode(sha256(convert_to(e.id || w.id, 'UTF8')), 'hex'), 32), w.id, e.id, e.type, ${sandboxId},
        'pending', ${now}::bigint, ${now + GIVE_UP_AFTER_MS}::bigint, ${now}::bigint
      from told e
      join (
        select id, event_types from webhooks
        where organization_id = ${organization_id} and enabled
        for key share
      ) w on case when w.event_types is null then e.type <> all (${highRateEventTypes})
                  else e.type = any (w.event_types) end
      order by e.seq
      returning 1
    )`;
}

/** Wakes those who wait for events, and for deliveries where there are any. */
function notified({ id, organization_id }: EventPlaceInRow): RawBuilder<unknown> {
  return sql`pg_notify(${EVENTS_CHANNEL}, ${id}), pg_notify(${EVENTS_CHANNEL}, ${organization_id}),
    case when exists (select 1 from made) then pg_notify(${DELIVERIES_CHANNEL}, '') end`;
}

function toEvent(row: EventRow): SandboxEvent {
  return {
    id: row.id,
    sandboxId: row.sandbox_id,
    seq: row.seq,
    type: row.type as EventType,
    data: row.data,
    createdAt: row.created_at,
  };
}

import { newId, type EventData, type EventType, type SandboxEvent } from '@banata/protocol';
import { sql, type Transaction } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { EventRow, Tables } from '../database/schema.ts';
import { storableJson } from './text.ts';

/** Channel on which servers tell each other that a sandbox has new events; the payload is the sandbox's id. */
export const EVENTS_CHANNEL = 'banata_events';

export type Tx = Transaction<Tables>;

/** An event to append. */
export type NewEvent = { [T in EventType]: { type: T; data: EventData<T> } }[EventType];

/** The one table every change is told in, in the same transaction as the change. */
export class EventStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Appends events of one sandbox. Sequence numbers come from the sandbox's row, which stays locked until the
   * transaction ends, so they are dense and in commit order.
   */
  async append(tx: Tx, sandboxId: string, events: NewEvent[], now: number): Promise<void> {
    if (events.length === 0) return;
    const { event_seq: last, organization_id } = await tx
      .updateTable('sandboxes')
      .set((eb) => ({ event_seq: eb('event_seq', '+', events.length) }))
      .where('id', '=', sandboxId)
      .returning(['event_seq', 'organization_id'])
      .executeTakeFirstOrThrow();
    await tx
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
        })),
      )
      .execute();
    await sql`select pg_notify(${EVENTS_CHANNEL}, ${sandboxId})`.execute(tx);
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

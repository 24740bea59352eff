import type { SandboxStatus } from '@banata/protocol';
import { sql, type Insertable, type RawBuilder, type Updateable } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { SandboxesTable, SandboxRow } from '../database/tables/sandboxes.ts';
import { statusesBefore } from '../services/sandboxes/status.ts';
import type { Page } from './cursor.ts';
import { newestFirst } from './newest-first.ts';
import { countedEvents, type EventStore, type NewEvent, type Tx } from './event-store.ts';
import { runChange } from './run-store.ts';
import { eventsOfLife } from './session-events.ts';

const FINAL: SandboxStatus[] = ['ended', 'failed'];

export interface Transition {
  to: SandboxStatus;
  /** Columns set along with the status. */
  set?: Updateable<SandboxesTable>;
  events: NewEvent[];
  /** When the sandbox stopped running. Default: now. */
  ranUntil?: number;
  /** Refuses the move by rejecting, after it has locked what it decides by: a paused sandbox that is to run again. */
  admit?: (tx: Tx) => Promise<void>;
}

/** Rows of sandboxes. Every change of status goes through {@link SandboxStore.transition}. */
export class SandboxStore {
  readonly #db: Database;
  readonly #events: EventStore;

  constructor(db: Database, events: EventStore) {
    this.#db = db;
    this.#events = events;
  }

  /** @param admit refuses by rejecting, after it has locked what it decides by. */
  async insert(
    row: Insertable<SandboxesTable>,
    events: NewEvent[],
    admit?: (tx: Tx) => Promise<void>,
  ): Promise<SandboxRow> {
    if (!admit) return this.insertIn(this.#db, row, events);
    return this.#db.transaction().execute(async (tx) => {
      await admit(tx);
      return this.insertIn(tx, row, events);
    });
  }

  /** @param admit as of {@link SandboxStore.insert}. */
  insertBrowser(row: Insertable<SandboxesTable>, admit: (tx: Tx) => Promise<void>): Promise<SandboxRow> {
    return this.insert(row, [{ type: 'sandbox.created', data: {} }], admit);
  }

  insertIn(db: Database, row: Insertable<SandboxesTable>, events: NewEvent[]): Promise<SandboxRow> {
    const { id, kind = 'sandbox' } = row;
    return this.#events.insertTold(db, row, eventsOfLife({ id, kind }, events));
  }

  /** Without an organization: for the server's own work. */
  find(id: string, organizationId?: string): Promise<SandboxRow | undefined> {
    const query = this.#db.selectFrom('sandboxes').selectAll().where('id', '=', id);
    return (
      organizationId === undefined ? query : query.where('organization_id', '=', organizationId)
    ).executeTakeFirst();
  }

  findByBox(boxId: string): Promise<SandboxRow | undefined> {
    return this.#db
      .selectFrom('sandboxes')
      .selectAll()
      .where((eb) => eb.or([eb('box_id', '=', boxId), eb('previous_box_id', '=', boxId)]))
      .executeTakeFirst();
  }

  findByModelToken(hash: string): Promise<SandboxRow | undefined> {
    return this.#db
      .selectFrom('sandboxes')
      .selectAll()
      .where('model_token_hash', '=', hash)
      .where('status', 'not in', FINAL)
      .executeTakeFirst();
  }

  /** The browser session that belongs to a sandbox, ended or not. */
  findPaired(sandboxId: string): Promise<SandboxRow | undefined> {
    return this.#db
      .selectFrom('sandboxes')
      .selectAll()
      .where('paired_with', '=', sandboxId)
      .orderBy('created_at', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** Tells a sandbox, once, that its browser session is ready. */
  async pair(sandboxId: string, sessionId: string, now: number): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('sandboxes')
        .set({ paired_session_id: sessionId })
        .where('id', '=', sandboxId)
        .where('status', 'not in', FINAL)
        .where('paired_session_id', 'is', null)
        .executeTakeFirst();
      const event = { type: 'sandbox.browser.ready' as const, data: {} };
      if (numUpdatedRows > 0n) await this.#events.append(tx, sandboxId, [event], now);
    });
  }

  /** Tells a sandbox that its browser session is no more. */
  async unpair(sandboxId: string, reason: string, now: number): Promise<void> {
    const event = { type: 'sandbox.browser.failed' as const, data: { reason } };
    await this.update(sandboxId, { paired_session_id: null }, [event], now);
  }

  /** @param options.kind Default: sandboxes. */
  async list(
    organizationId: string,
    options: {
      kind?: SandboxRow['kind'];
      status?: SandboxStatus | undefined;
      all: boolean;
      limit: number;
      cursor?: string | undefined;
    },
  ): Promise<Page<SandboxRow>> {
    let query = this.#db
      .selectFrom('sandboxes')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('kind', '=', options.kind ?? 'sandbox');
    if (options.status !== undefined) query = query.where('status', '=', options.status);
    else if (!options.all) query = query.where('status', 'not in', FINAL);
    return newestFirst(query, options);
  }

  /** Every sandbox that has not ended. */
  listLive(): Promise<SandboxRow[]> {
    return this.#db.selectFrom('sandboxes').selectAll().where('status', 'not in', FINAL).execute();
  }

  /** How many have not ended and are not paused. */
  async countRunning(): Promise<number> {
    const { count } = await this.#db
      .selectFrom('sandboxes')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('status', 'not in', [...FINAL, 'paused'])
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Sandboxes that have not ended, by status. */
  async countByStatus(): Promise<{ status: SandboxStatus; count: number }[]> {
    return this.#db
      .selectFrom('sandboxes')
      .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
      .where('status', 'not in', FINAL)
      .groupBy('status')
      .execute();
  }

  /**
   * Moves a sandbox to another status, if its present one allows that, with the events that tell of it.
   * @returns the new row, or undefined when the present status does not allow the move.
   */
  transition(id: string, change: Transition, now: number): Promise<SandboxRow | undefined> {
    return this.#db.transaction().execute((tx) => this.transitionIn(tx, id, change, now));
  }

  async transitionIn(tx: Tx, id: string, change: Transition, now: number): Promise<SandboxRow | undefined> {
    await change.admit?.(tx);
    const row = await tx
      .updateTable('sandboxes')
      .set({ ...change.set, status: change.to })
      .set(countedEvents(eventCount(id, change.events)))
      .where('id', '=', id)
      .where('status', 'in', statusesBefore(change.to))
      .returningAll()
      .executeTakeFirst();
    if (row) {
      const run = runChange(tx, row, change.ranUntil ?? now);
      await this.#events.tell(tx, row, ownEvents(row, change.events), { now, beside: run });
      await this.#events.append(tx, id, ownersEvents(row, change.events), now);
    }
    return row;
  }

  /** Changes columns other than the status of a sandbox that has not ended, with events. */
  update(
    id: string,
    set: Updateable<Omit<SandboxesTable, 'status'>>,
    events: NewEvent[],
    now: number,
  ): Promise<SandboxRow | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const row = await tx
        .updateTable('sandboxes')
        .set(set)
        .set(countedEvents(eventCount(id, events)))
        .where('id', '=', id)
        .where('status', 'not in', FINAL)
        .returningAll()
        .executeTakeFirst();
      if (row) {
        await this.#events.tell(tx, row, ownEvents(row, events), { now });
        await this.#events.append(tx, id, ownersEvents(row, events), now);
      }
      return row;
    });
  }

  /**
   * Takes or renews the right to speak for a sandbox.
   * @returns false when another server holds it.
   */
  async claim(id: string, owner: string, until: number, now: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('sandboxes')
      .set({ lease_owner: owner, lease_until: until })
      .where('id', '=', id)
      .where((eb) =>
        eb.or([eb('lease_owner', 'is', null), eb('lease_owner', '=', owner), eb('lease_until', '<', now)]),
      )
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Records activity; a time that is older than the one on record changes nothing. */
  async touch(entries: { id: string; at: number; activeUntil: number }[]): Promise<void> {
    for (const { id, at, activeUntil } of entries) {
      await this.#db
        .updateTable('sandboxes')
        .set((eb) => ({
          last_activity_at: eb.fn('greatest', ['last_activity_at', eb.val(at)]),
          active_until: eb.fn('greatest', ['active_until', eb.val(activeUntil)]),
        }))
        .where('id', '=', id)
        .execute();
    }
  }
}

/** How many events are told as the row's own, to be counted in the statement that changes it. */
function eventCount(id: string, events: NewEvent[]): RawBuilder<number> {
  const [ofSandbox, ofBrowser] = (['sandbox', 'browser'] as const).map(
    (kind) => ownEvents({ id, kind }, events).length,
  );
  return sql<number>`case kind when 'sandbox' then ${ofSandbox}::int else ${ofBrowser}::int end`;
}

type LifeOf = Pick<SandboxRow, 'id' | 'kind'>;

function ownEvents(row: LifeOf, events: NewEvent[]): NewEvent[] {
  return eventsOfLife(row, events).filter(({ type }) => isOwn(row, type));
}

/** Events of a browser that are told as those of the sandbox it is paired with. */
function ownersEvents(row: LifeOf, events: NewEvent[]): NewEvent[] {
  return eventsOfLife(row, events).filter(({ type }) => !isOwn(row, type));
}

function isOwn({ kind }: LifeOf, type: string): boolean {
  return kind === 'sandbox' || type.startsWith('session.');
}

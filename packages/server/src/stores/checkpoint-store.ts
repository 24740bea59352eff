import type { Insertable, Updateable } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ArtifactRow, CheckpointRow, CheckpointsTable } from '../database/tables/lasting.ts';
import type { ArtifactStore, ObjectListing } from './artifact-store.ts';
import type { Page } from './cursor.ts';
import { newestFirst } from './newest-first.ts';
import type { EventStore, NewEvent } from './event-store.ts';

/** States whose contents can be had. */
const WHOLE = ['local', 'uploading', 'stored'] as const;

export interface CheckpointChange {
  set: Updateable<CheckpointsTable>;
  events?: NewEvent[];
  listing?: ObjectListing | undefined;
  now: number;
}

export interface CheckpointDeletion {
  event: NewEvent;
  /** What of it may be listed among the artifacts, and the event that tells that it is no more. */
  withdrawn: { objectKey: string; event: (row: ArtifactRow) => NewEvent };
  now: number;
}

/** Records of checkpoints. A deleted one stays until nothing of its contents is left, and is seen by nobody else. */
export class CheckpointStore {
  readonly #db: Database;
  readonly #events: EventStore;
  readonly #artifacts: ArtifactStore;

  constructor(db: Database, events: EventStore, artifacts: ArtifactStore) {
    this.#db = db;
    this.#events = events;
    this.#artifacts = artifacts;
  }

  insert(row: Insertable<CheckpointsTable>): Promise<CheckpointRow> {
    return this.#db.insertInto('checkpoints').values(row).returningAll().executeTakeFirstOrThrow();
  }

  /** Without a sandbox: for the server's own work, deleted ones included. */
  find(id: string, sandboxId?: string): Promise<CheckpointRow | undefined> {
    const query = this.#db.selectFrom('checkpoints').selectAll().where('id', '=', id);
    return (
      sandboxId === undefined
        ? query
        : query.where('sandbox_id', '=', sandboxId).where('deleted_at', 'is', null)
    ).executeTakeFirst();
  }

  async list(
    sandboxId: string,
    options: { limit: number; cursor?: string | undefined },
  ): Promise<Page<CheckpointRow>> {
    const query = this.#db
      .selectFrom('checkpoints')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('deleted_at', 'is', null);
    return newestFirst(query, options);
  }

  /**
   * Changes a checkpoint that is in one of these states and not deleted, with the event that tells of it.
   * @param options.listing record among the artifacts, of one that is stored now.
   * @returns undefined when it is in another one.
   */
  change(
    id: string,
    from: readonly CheckpointRow['state'][],
    { set, events = [], listing, now }: CheckpointChange,
  ): Promise<CheckpointRow | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const row = await tx
        .updateTable('checkpoints')
        .set(set)
        .where('id', '=', id)
        .where('state', 'in', from)
        .where('deleted_at', 'is', null)
        .returningAll()
        .executeTakeFirst();
      if (row) await this.#events.append(tx, row.sandbox_id, events, now);
      if (row && listing) await this.#artifacts.enlist(tx, listing);
      return row;
    });
  }

  /** Says that the copy on the server's disk is there, or gone. */
  async setLocal(id: string, local: boolean): Promise<void> {
    await this.#db.updateTable('checkpoints').set({ local }).where('id', '=', id).execute();
  }

  async touch(id: string, usedAt: number): Promise<void> {
    await this.#db.updateTable('checkpoints').set({ used_at: usedAt }).where('id', '=', id).execute();
  }

  /**
   * Marks a checkpoint for deletion, unless a sandbox is being made from it, and takes it off the artifacts.
   * @returns undefined when there is none, or one is.
   */
  markDeleted(id: string, { event, withdrawn, now }: CheckpointDeletion): Promise<CheckpointRow | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const row = await tx
        .updateTable('checkpoints')
        .set({ deleted_at: now })
        .where('id', '=', id)
        .where('deleted_at', 'is', null)
        .where('state', '<>', 'creating')
        .where((eb) =>
          eb.not(
            eb.exists(
              eb
                .selectFrom('sandboxes')
                .select('sandboxes.id')
                .where('checkpoint_id', '=', id)
                .where('status', 'in', ['queued', 'assigning']),
            ),
          ),
        )
        .returningAll()
        .executeTakeFirst();
      if (row) await this.#events.append(tx, row.sandbox_id, [event], now);
      if (row) await this.#artifacts.withdraw(tx, withdrawn.objectKey, { event: withdrawn.event, now });
      return row;
    });
  }

  /** Forgets a deleted checkpoint of which nothing is left. */
  async remove(id: string): Promise<void> {
    await this.#db
      .deleteFrom('checkpoints')
      .where('id', '=', id)
      .where('deleted_at', 'is not', null)
      .execute();
  }

  listDeleted(): Promise<CheckpointRow[]> {
    return this.#db.selectFrom('checkpoints').selectAll().where('deleted_at', 'is not', null).execute();
  }

  listCreating(): Promise<CheckpointRow[]> {
    return this.#db.selectFrom('checkpoints').selectAll().where('state', '=', 'creating').execute();
  }

  /** Those that a copy on the server's disk belongs to, or should. */
  listLocal(): Promise<CheckpointRow[]> {
    return this.#db
      .selectFrom('checkpoints')
      .selectAll()
      .where((eb) => eb.or([eb('local', '=', true), eb('state', 'in', ['creating', 'local', 'uploading'])]))
      .execute();
  }

  /** Those to be put into the object store now, oldest first: also ones whose server has stopped in the middle. */
  listDue(owner: string, now: number): Promise<CheckpointRow[]> {
    return this.#db
      .selectFrom('checkpoints')
      .selectAll()
      .where('deleted_at', 'is', null)
      .where('next_attempt_at', '<=', now)
      .where((eb) =>
        eb.or([
          eb('state', '=', 'local'),
          eb.and([
            eb('state', '=', 'uploading'),
            eb.or([eb('lease_owner', '=', owner), eb('lease_until', '<', now)]),
          ]),
        ]),
      )
      .orderBy('created_at')
      .limit(20)
      .execute();
  }

  /** Whole checkpoints of a sandbox beyond the newest `most`, and those older than `before`. */
  async listSurplus(most: number, before: number): Promise<{ row: CheckpointRow; cause: 'count' | 'age' }[]> {
    const rows = await this.#db
      .selectFrom((eb) =>
        eb
          .selectFrom('checkpoints')
          .selectAll()
          .select((inner) =>
            inner.fn
              .agg<number>('row_number')
              .over((over) =>
                over.partitionBy('sandbox_id').orderBy('created_at', 'desc').orderBy('id', 'desc'),
              )
              .as('place'),
          )
          .where('deleted_at', 'is', null)
          .where('state', '<>', 'creating')
          .as('numbered'),
      )
      .selectAll()
      .where((eb) => eb.or([eb('place', '>', most), eb('created_at', '<', before)]))
      .limit(100)
      .execute();
    return rows.map(({ place, ...row }) => ({ row, cause: Number(place) > most ? 'count' : 'age' }));
  }

  /** Stored checkpoints whose copy on the server's disk was not used since. */
  listUnused(before: number): Promise<CheckpointRow[]> {
    return this.#db
      .selectFrom('checkpoints')
      .selectAll()
      .where('state', '=', 'stored')
      .where('local', '=', true)
      .where('used_at', '<', before)
      .limit(100)
      .execute();
  }
}

/** Whether a checkpoint can be restored. */
export function isWhole({ state }: Pick<CheckpointRow, 'state'>): boolean {
  return (WHOLE as readonly string[]).includes(state);
}

import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ArtifactRow, ObjectTransferRow } from '../database/tables/lasting.ts';
import type { EventStore, NewEvent, Tx } from './event-store.ts';
import { storableText } from './text.ts';

const MAX_ERROR_LENGTH = 500;

/** What is still to be done at the object store, so that a crash or an outage loses neither contents nor deletions. */
export class TransferStore {
  readonly #db: Database;
  readonly #events: EventStore;
  readonly #serverId: string;

  constructor(db: Database, events: EventStore, serverId: string) {
    this.#db = db;
    this.#events = events;
    this.#serverId = serverId;
  }

  /** Has an object deleted at `deleteAt` unless {@link keep} or {@link upload} says before that it is wanted. */
  async guard(objectKey: string, deleteAt: number): Promise<void> {
    await this.#deleteAt(this.#db, objectKey, deleteAt);
  }

  /** The object stays. */
  async keep(tx: Tx, objectKey: string): Promise<void> {
    await tx
      .deleteFrom('object_transfers')
      .where('object_key', '=', objectKey)
      .where('kind', '=', 'delete')
      .execute();
  }

  /** The object stays, and goes from the spool to the store. */
  async upload(
    tx: Tx,
    object: { key: string; size: number; sha256: string; contentType: string },
    now: number,
  ): Promise<void> {
    await this.keep(tx, object.key);
    await tx
      .insertInto('object_transfers')
      .values({
        ...this.#blank(object.key, now),
        kind: 'upload',
        size: object.size,
        sha256: object.sha256,
        content_type: object.contentType,
      })
      .execute();
  }

  /** Nothing refers to the object any more. */
  async drop(tx: Tx, objectKey: string, now: number): Promise<void> {
    await this.#deleteAt(tx, objectKey, now);
  }

  /** What this server has to do by now, longest due first. */
  due(now: number, limit: number): Promise<ObjectTransferRow[]> {
    return this.#db
      .selectFrom('object_transfers')
      .selectAll()
      .where('server_id', '=', this.#serverId)
      .where('next_attempt_at', '<=', now)
      .orderBy('next_attempt_at')
      .limit(limit)
      .execute();
  }

  /** Whether there is one of the kind for the object. */
  async has(objectKey: string, kind: ObjectTransferRow['kind']): Promise<boolean> {
    const row = await this.#db
      .selectFrom('object_transfers')
      .select('kind')
      .where('object_key', '=', objectKey)
      .where('kind', '=', kind)
      .executeTakeFirst();
    return row !== undefined;
  }

  async postpone(row: ObjectTransferRow, error: string, nextAttemptAt: number): Promise<void> {
    await this.#db
      .updateTable('object_transfers')
      .set({
        attempts: row.attempts + 1,
        next_attempt_at: nextAttemptAt,
        last_error: storableText(error).slice(0, MAX_ERROR_LENGTH),
      })
      .where('object_key', '=', row.object_key)
      .where('kind', '=', row.kind)
      .execute();
  }

  async finish({ object_key: objectKey, kind }: ObjectTransferRow): Promise<void> {
    await this.#db
      .deleteFrom('object_transfers')
      .where('object_key', '=', objectKey)
      .where('kind', '=', kind)
      .execute();
  }

  /** Ends an upload: the artifact of the object has a new state, and an event tells of it. */
  async finishUpload(
    row: ObjectTransferRow,
    state: ArtifactRow['state'],
    event: (artifact: ArtifactRow) => NewEvent,
    now: number,
  ): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      const gone = await tx
        .deleteFrom('object_transfers')
        .where('object_key', '=', row.object_key)
        .where('kind', '=', 'upload')
        .executeTakeFirst();
      if (gone.numDeletedRows === 0n) return;
      const artifacts = await tx
        .updateTable('artifacts')
        .set({ state })
        .where('object_key', '=', row.object_key)
        .returningAll()
        .execute();
      for (const artifact of artifacts)
        await this.#events.append(tx, artifact.sandbox_id, [event(artifact)], now);
    });
  }

  /** Uploads that wait, of all servers. */
  async pendingUploads(): Promise<number> {
    const { count } = await this.#db
      .selectFrom('object_transfers')
      .select((eb) => eb.fn.countAll<string>().as('count'))
      .where('kind', '=', 'upload')
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** What failed before is due at once. */
  async hurry(now: number): Promise<void> {
    await this.#db
      .updateTable('object_transfers')
      .set({ next_attempt_at: now })
      .where('server_id', '=', this.#serverId)
      .where('attempts', '>', 0)
      .where('next_attempt_at', '>', now)
      .execute();
  }

  async #deleteAt(db: Database | Tx, objectKey: string, at: number): Promise<void> {
    await db
      .insertInto('object_transfers')
      .values({ ...this.#blank(objectKey, at), kind: 'delete' })
      .onConflict((conflict) =>
        conflict.columns(['object_key', 'kind']).doUpdateSet({
          next_attempt_at: sql<number>`least(object_transfers.next_attempt_at, excluded.next_attempt_at)`,
        }),
      )
      .execute();
  }

  #blank(objectKey: string, at: number) {
    return {
      object_key: objectKey,
      server_id: this.#serverId,
      size: 0,
      sha256: null,
      content_type: null,
      attempts: 0,
      next_attempt_at: at,
      last_error: null,
      created_at: at,
    };
  }
}

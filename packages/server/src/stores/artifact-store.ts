import type { Insertable } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ArtifactRow, ArtifactsTable } from '../database/schema.ts';
import { decodeCursor, toPage, type Page } from './cursor.ts';
import type { EventStore, NewEvent } from './event-store.ts';

/** Records of artifacts; their content is in the object store. */
export class ArtifactStore {
  readonly #db: Database;
  readonly #events: EventStore;

  constructor(db: Database, events: EventStore) {
    this.#db = db;
    this.#events = events;
  }

  /**
   * Records an artifact. One under the same key is replaced.
   * @returns the object key of the content that was replaced, which nothing refers to any more.
   */
  put(row: Insertable<ArtifactsTable>, event: NewEvent): Promise<string | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const before = await tx
        .selectFrom('artifacts')
        .select('object_key')
        .where('sandbox_id', '=', row.sandbox_id)
        .where('key', '=', row.key)
        .forUpdate()
        .executeTakeFirst();
      await tx
        .insertInto('artifacts')
        .values(row)
        .onConflict((conflict) => conflict.columns(['sandbox_id', 'key']).doUpdateSet(row))
        .execute();
      await this.#events.append(tx, row.sandbox_id, [event], row.created_at);
      return before?.object_key;
    });
  }

  find(sandboxId: string, key: string): Promise<ArtifactRow | undefined> {
    return this.#db
      .selectFrom('artifacts')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('key', '=', key)
      .executeTakeFirst();
  }

  async list(
    sandboxId: string,
    options: { prefix?: string | undefined; limit: number; cursor?: string | undefined },
  ): Promise<Page<ArtifactRow>> {
    let query = this.#db
      .selectFrom('artifacts')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .orderBy('key')
      .limit(options.limit + 1);
    if (options.prefix !== undefined)
      query = query.where((eb) => eb.fn('starts_with', ['key', eb.val(options.prefix)]), 'is', true);
    if (options.cursor !== undefined)
      query = query.where('key', '>', decodeCursor(options.cursor, 'string')[0]);
    return toPage(await query.execute(), options.limit, ({ key }) => [key]);
  }
}

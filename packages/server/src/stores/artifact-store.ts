import { ApiError } from '@banata/protocol';
import { sql, type Insertable } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ArtifactRow, ArtifactsTable } from '../database/tables/lasting.ts';
import { decodeCursor, toPage, type Page } from './cursor.ts';
import type { EventStore, NewEvent, Tx } from './event-store.ts';
import type { TransferStore } from './transfer-store.ts';

/** Most artifacts that are shown with a page of sessions. */
const MAX_LISTED = 2_000;

export interface ArtifactFilter {
  prefix?: string | undefined;
  kind?: ArtifactRow['kind'] | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** The record of an object that something else owns, with the event that tells of it. */
export interface ObjectListing {
  row: Insertable<ArtifactsTable>;
  event: NewEvent;
}

/** Records of artifacts; their content is in the object store. */
export class ArtifactStore {
  readonly #db: Database;
  readonly #events: EventStore;
  readonly #transfers: TransferStore;

  constructor(db: Database, events: EventStore, transfers: TransferStore) {
    this.#db = db;
    this.#events = events;
    this.#transfers = transfers;
  }

  /**
   * Records an artifact, whose content is safe by now. One under the same key is replaced, and its content dropped.
   * @param quotaBytes most that the organization's artifacts may hold together; 0: no limit.
   * @throws {ApiError} ARTIFACT_QUOTA_EXCEEDED.
   */
  put(row: Insertable<ArtifactsTable>, event: NewEvent, quotaBytes: number): Promise<void> {
    return this.#db.transaction().execute(async (tx) => {
      if (quotaBytes > 0) await lockQuota(tx, row.organization_id);
      const before = await tx
        .selectFrom('artifacts')
        .selectAll()
        .where('sandbox_id', '=', row.sandbox_id)
        .where('key', '=', row.key)
        .forUpdate()
        .executeTakeFirst();
      await tx
        .insertInto('artifacts')
        .values(row)
        .onConflict((conflict) => conflict.columns(['sandbox_id', 'key']).doUpdateSet(row))
        .execute();
      if (quotaBytes > 0) {
        const used = await bytesOf(tx, row.organization_id);
        if (used > quotaBytes) throw quotaExceeded(used - row.size, row.size, quotaBytes);
      }
      if (row.owns_object) await this.#claim(tx, row);
      if (before?.owns_object && before.object_key !== row.object_key)
        await this.#transfers.drop(tx, before.object_key, row.created_at);
      await this.#events.append(tx, row.sandbox_id, [event], row.created_at);
    });
  }

  /**
   * Forgets an artifact and drops its content.
   * @returns whether there was one.
   */
  remove(row: ArtifactRow, event: NewEvent, now: number): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      const gone = await tx
        .deleteFrom('artifacts')
        .where('sandbox_id', '=', row.sandbox_id)
        .where('key', '=', row.key)
        .where('object_key', '=', row.object_key)
        .executeTakeFirst();
      if (gone.numDeletedRows === 0n) return false;
      if (row.owns_object) await this.#transfers.drop(tx, row.object_key, now);
      await this.#events.append(tx, row.sandbox_id, [event], now);
      return true;
    });
  }

  /** Lists an object that something else owns, in the transaction that stores it. */
  async enlist(tx: Tx, { row, event }: ObjectListing): Promise<void> {
    await tx
      .insertInto('artifacts')
      .values(row)
      .onConflict((conflict) => conflict.columns(['sandbox_id', 'key']).doUpdateSet(row))
      .execute();
    await this.#events.append(tx, row.sandbox_id, [event], row.created_at);
  }

  /** Takes the record of an object that something else owns back, in the transaction in which that goes. */
  async withdraw(
    tx: Tx,
    objectKey: string,
    { event, now }: { event: (row: ArtifactRow) => NewEvent; now: number },
  ): Promise<void> {
    const gone = await tx
      .deleteFrom('artifacts')
      .where('object_key', '=', objectKey)
      .where('owns_object', '=', false)
      .returningAll()
      .execute();
    for (const row of gone) await this.#events.append(tx, row.sandbox_id, [event(row)], now);
  }

  find(sandboxId: string, key: string): Promise<ArtifactRow | undefined> {
    return this.#db
      .selectFrom('artifacts')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('key', '=', key)
      .executeTakeFirst();
  }

  /** In the order of their keys. */
  async list(sandboxId: string, filter: ArtifactFilter): Promise<Page<ArtifactRow>> {
    let query = this.#filtered(filter).where('sandbox_id', '=', sandboxId).orderBy('key');
    if (filter.cursor !== undefined)
      query = query.where('key', '>', decodeCursor(filter.cursor, 'string')[0]);
    return toPage(await query.execute(), filter.limit, (last) => [last.key]);
  }

  /** Newest first. */
  async listOfOrganization(organizationId: string, filter: ArtifactFilter): Promise<Page<ArtifactRow>> {
    let query = this.#filtered(filter)
      .where('organization_id', '=', organizationId)
      .orderBy('created_at', 'desc')
      .orderBy('sandbox_id')
      .orderBy('key');
    if (filter.cursor !== undefined) {
      const [createdAt, sandboxId, key] = decodeCursor(filter.cursor, 'number', 'string', 'string');
      query = query.where((eb) =>
        eb.or([
          eb('created_at', '<', createdAt),
          eb.and([
            eb('created_at', '=', createdAt),
            eb(eb.refTuple('sandbox_id', 'key'), '>', eb.tuple(sandboxId, key)),
          ]),
        ]),
      );
    }
    return toPage(await query.execute(), filter.limit, (last) => [
      last.created_at,
      last.sandbox_id,
      last.key,
    ]);
  }

  /** Artifacts of some kinds of several sandboxes, oldest first. */
  listOfKinds(sandboxIds: string[], kinds: ArtifactRow['kind'][]): Promise<ArtifactRow[]> {
    if (sandboxIds.length === 0) return Promise.resolve([]);
    return this.#db
      .selectFrom('artifacts')
      .selectAll()
      .where('sandbox_id', 'in', sandboxIds)
      .where('kind', 'in', kinds)
      .where('state', '<>', 'failed')
      .orderBy('created_at')
      .limit(MAX_LISTED)
      .execute();
  }

  /** Artifacts that go when they are older than `createdBefore`; the oldest first. */
  listOld(createdBefore: number, limit: number): Promise<ArtifactRow[]> {
    return this.#db
      .selectFrom('artifacts')
      .selectAll()
      .where('created_at', '<', createdBefore)
      .where('owns_object', '=', true)
      .orderBy('created_at')
      .limit(limit)
      .execute();
  }

  /** Bytes that the artifacts of an organization hold, without those of what they only list. */
  bytesOf(organizationId: string): Promise<number> {
    return bytesOf(this.#db, organizationId);
  }

  async #claim(tx: Tx, row: Insertable<ArtifactsTable>): Promise<void> {
    if (row.state === 'stored') return this.#transfers.keep(tx, row.object_key);
    const { object_key: key, size, sha256, content_type: contentType } = row;
    await this.#transfers.upload(tx, { key, size, sha256, contentType }, row.created_at);
  }

  #filtered({ prefix, kind, limit }: ArtifactFilter) {
    let query = this.#db
      .selectFrom('artifacts')
      .selectAll()
      .limit(limit + 1);
    if (prefix !== undefined)
      query = query.where((eb) => eb.fn('starts_with', ['key', eb.val(prefix)]), 'is', true);
    if (kind !== undefined) query = query.where('kind', '=', kind);
    return query;
  }
}

/** What is said of an artifact of `size` bytes where `used` of the quota are taken. */
export function quotaExceeded(used: number, size: number, quotaBytes: number): ApiError {
  return new ApiError(
    'ARTIFACT_QUOTA_EXCEEDED',
    `The artifacts of the organization hold ${used} of ${quotaBytes} bytes; ${size} more do not fit.`,
    { details: { usedBytes: used, quotaBytes } },
  );
}

/** One artifact after the other, so that two at once cannot pass the quota together. */
async function lockQuota(tx: Tx, organizationId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`artifacts of ${organizationId}`}, 0))`.execute(
    tx,
  );
}

async function bytesOf(db: Database | Tx, organizationId: string): Promise<number> {
  const { bytes } = await db
    .selectFrom('artifacts')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<string>('size'), eb.val('0')).as('bytes'))
    .where('organization_id', '=', organizationId)
    .where('owns_object', '=', true)
    .executeTakeFirstOrThrow();
  return Number(bytes);
}

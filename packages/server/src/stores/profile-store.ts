import { ApiError } from '@banata/protocol';
import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { BrowserProfileRow } from '../database/tables/sandboxes.ts';
import type { Tx } from './event-store.ts';
import type { TransferStore } from './transfer-store.ts';

/** Content type of a packed profile. */
export const PROFILE_TYPE = 'application/zstd';

/** Which profile, and for whom. */
export interface ProfileUse {
  organizationId: string;
  key: string;
  sandboxId: string;
}

/**
 * Records of kept browser profiles; their content is in the object store. A profile is used by one sandbox at a time:
 * by the one named in its row, until that has ended.
 */
export class ProfileStore {
  readonly #db: Database;
  readonly #transfers: TransferStore;

  constructor(db: Database, transfers: TransferStore) {
    this.#db = db;
    this.#transfers = transfers;
  }

  /** Takes a profile for a sandbox that is made in the same transaction. @throws {ApiError} PROFILE_IN_USE. */
  async take(tx: Tx, { organizationId, key, sandboxId }: ProfileUse, now: number): Promise<void> {
    // A statement of its own: the next one sees what the holder of the lock before has written.
    await lock(tx, organizationId, key);
    await requireFree(tx, organizationId, key);
    await tx
      .insertInto('browser_profiles')
      .values({ organization_id: organizationId, key, sandbox_id: sandboxId, created_at: now })
      .onConflict((conflict) =>
        conflict.columns(['organization_id', 'key']).doUpdateSet({ sandbox_id: sandboxId }),
      )
      .execute();
  }

  find(organizationId: string, key: string): Promise<BrowserProfileRow | undefined> {
    return this.#db
      .selectFrom('browser_profiles')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('key', '=', key)
      .executeTakeFirst();
  }

  /** With the sandbox that uses each, where one does. */
  list(organizationId: string): Promise<(BrowserProfileRow & { used_by: string | null })[]> {
    return this.#db
      .selectFrom('browser_profiles')
      .leftJoin('sandboxes', (join) =>
        join
          .onRef('sandboxes.id', '=', 'browser_profiles.sandbox_id')
          .on('sandboxes.status', 'not in', ['ended', 'failed']),
      )
      .selectAll('browser_profiles')
      .select('sandboxes.id as used_by')
      .where('browser_profiles.organization_id', '=', organizationId)
      .orderBy('key')
      .execute();
  }

  /**
   * A new content, which is safe by now, and goes to the object store where it is not there yet; the one before is dropped.
   * @returns the row, or undefined when the profile is not this sandbox's any more.
   */
  async replace(
    { organizationId, key, sandboxId }: ProfileUse,
    object: { key: string; size: number; sha256: string; state: 'stored' | 'pending' },
    now: number,
  ): Promise<BrowserProfileRow | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      await lock(tx, organizationId, key);
      const before = await tx
        .selectFrom('browser_profiles')
        .select('object_key')
        .where('organization_id', '=', organizationId)
        .where('key', '=', key)
        .where('sandbox_id', '=', sandboxId)
        .executeTakeFirst();
      if (!before) return undefined;
      if (object.state === 'stored') await this.#transfers.keep(tx, object.key);
      else await this.#transfers.upload(tx, { ...object, contentType: PROFILE_TYPE }, now);
      if (before.object_key !== null) await this.#transfers.drop(tx, before.object_key, now);
      return tx
        .updateTable('browser_profiles')
        .set({ object_key: object.key, size: object.size, saved_at: now })
        .where('organization_id', '=', organizationId)
        .where('key', '=', key)
        .returningAll()
        .executeTakeFirst();
    });
  }

  /** @returns whether there was one. @throws {ApiError} PROFILE_IN_USE. */
  async remove(organizationId: string, key: string, now: number): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      await lock(tx, organizationId, key);
      await requireFree(tx, organizationId, key);
      const gone = await tx
        .deleteFrom('browser_profiles')
        .where('organization_id', '=', organizationId)
        .where('key', '=', key)
        .returning('object_key')
        .executeTakeFirst();
      if (gone && gone.object_key !== null) await this.#transfers.drop(tx, gone.object_key, now);
      return gone !== undefined;
    });
  }
}

async function requireFree(tx: Tx, organizationId: string, key: string): Promise<void> {
  const user = await tx
    .selectFrom('browser_profiles')
    .innerJoin('sandboxes', 'sandboxes.id', 'browser_profiles.sandbox_id')
    .select('sandboxes.id')
    .where('browser_profiles.organization_id', '=', organizationId)
    .where('key', '=', key)
    .where('sandboxes.status', 'not in', ['ended', 'failed'])
    .executeTakeFirst();
  if (!user) return;
  throw new ApiError('PROFILE_IN_USE', `The sandbox ${user.id} uses the browser profile "${key}".`, {
    details: { profileKey: key, sandboxId: user.id },
  });
}

async function lock(tx: Tx, organizationId: string, key: string): Promise<void> {
  const name = `browser profile ${organizationId} ${key}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(tx);
}

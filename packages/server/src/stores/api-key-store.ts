import type { Database } from '../database/connect.ts';
import type { ApiKeyRow } from '../database/tables/access.ts';
import type { Page } from './cursor.ts';
import { lockOrganization } from './lock-organization.ts';
import { newestFirst } from './newest-first.ts';

/** What a request needs to know of a key. */
export type KeyRecord = Pick<ApiKeyRow, 'id' | 'organization_id' | 'name' | 'scopes' | 'expires_at'> & {
  operator: boolean;
  suspended_at: number | null;
  suspended_reason: string | null;
};

/** Rows of API keys. */
export class ApiKeyStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The usable key with this hash: neither revoked nor expired. */
  findUsable(hash: string, now: number): Promise<KeyRecord | undefined> {
    return this.#db
      .selectFrom('api_keys')
      .innerJoin('organizations', 'organizations.id', 'api_keys.organization_id')
      .select([
        'api_keys.id',
        'api_keys.organization_id',
        'api_keys.name',
        'api_keys.scopes',
        'api_keys.expires_at',
        'organizations.operator',
        'organizations.suspended_at',
        'organizations.suspended_reason',
      ])
      .where('organizations.deleted_at', 'is', null)
      .where('hash', '=', hash)
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
      .executeTakeFirst();
  }

  find(organizationId: string, id: string): Promise<ApiKeyRow | undefined> {
    return this.#db
      .selectFrom('api_keys')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst();
  }

  async list(
    organizationId: string,
    options: { limit: number; cursor?: string | undefined },
  ): Promise<Page<ApiKeyRow>> {
    const query = this.#db.selectFrom('api_keys').selectAll().where('organization_id', '=', organizationId);
    return newestFirst(query, options);
  }

  /**
   * Adds a key, unless the organization has `limit` usable ones.
   * @returns whether it was added.
   */
  insert(row: ApiKeyRow, limit: number): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      await lockOrganization(tx, row.organization_id);
      const { count } = await tx
        .selectFrom('api_keys')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('organization_id', '=', row.organization_id)
        .where('revoked_at', 'is', null)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', row.created_at)]))
        .executeTakeFirstOrThrow();
      if (Number(count) >= limit) return false;
      await tx.insertInto('api_keys').values(row).execute();
      return true;
    });
  }

  /**
   * Puts a key in the place of another one, which ends at `oldEndsAt` at the latest.
   * @returns false when the old one is not usable, or was replaced already.
   */
  async replace(oldId: string, replacement: ApiKeyRow, oldEndsAt: number): Promise<boolean> {
    const now = replacement.created_at;
    return this.#db.transaction().execute(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('api_keys')
        .set((eb) => ({
          replaced_by: replacement.id,
          expires_at: eb.fn<number>('least', ['expires_at', eb.val(oldEndsAt)]),
          ...(oldEndsAt <= now ? { revoked_at: now } : {}),
        }))
        .where('organization_id', '=', replacement.organization_id)
        .where('id', '=', oldId)
        .where('revoked_at', 'is', null)
        .where('replaced_by', 'is', null)
        .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await tx.insertInto('api_keys').values(replacement).execute();
      return true;
    });
  }

  /** Revokes a key; the time of the first revocation stays. */
  revoke(organizationId: string, id: string, now: number): Promise<ApiKeyRow | undefined> {
    return this.#db
      .updateTable('api_keys')
      .set((eb) => ({ revoked_at: eb.fn.coalesce('revoked_at', eb.val(now)) }))
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
  }

  async markUsed(id: string, now: number): Promise<void> {
    await this.#db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute();
  }
}

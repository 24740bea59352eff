import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ApiKeyRow, OrganizationRow, UserRow } from '../database/tables/access.ts';
import { byTime, decodeCursor, toPage, type Page } from './cursor.ts';

/** Servers that start at once on an empty database make one first organization together. */
const FIRST_START_LOCK = 7_070_001;

/** An organization with what it begins with. */
export interface NewOrganization {
  organization: { id: string; name: string; created_at: number; operator: boolean };
  key: ApiKeyRow;
  owner: UserRow;
  invitation?: { token_hash: string; created_at: number; expires_at: number };
}

/** What the first start finds missing. */
export interface FirstStartGaps {
  /** The organization that runs the installation; undefined where there is none at all. */
  organization: OrganizationRow | undefined;
  hasOwner: boolean;
}

/** Rows of organizations. */
export class OrganizationStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  find(id: string): Promise<OrganizationRow | undefined> {
    return this.#db
      .selectFrom('organizations')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
  }

  /** Suspends an organization, or changes the reason; the time of the first suspension stays. */
  suspend(
    id: string,
    { reason, now }: { reason: string | null; now: number },
  ): Promise<OrganizationRow | undefined> {
    return this.#db
      .updateTable('organizations')
      .set((eb) => ({
        suspended_at: eb.fn.coalesce('suspended_at', eb.val(now)),
        suspended_reason: reason,
      }))
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
  }

  resume(id: string): Promise<OrganizationRow | undefined> {
    return this.#db
      .updateTable('organizations')
      .set({ suspended_at: null, suspended_reason: null })
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .returningAll()
      .executeTakeFirst();
  }

  /**
   * Marks an organization as deleted, revokes its keys and removes its people and webhooks, all or nothing.
   * @returns false when there is no such organization.
   */
  delete(id: string, now: number): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('organizations')
        .set({ deleted_at: now })
        .where('id', '=', id)
        .where('deleted_at', 'is', null)
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await tx
        .updateTable('api_keys')
        .set({ revoked_at: now })
        .where('organization_id', '=', id)
        .where('revoked_at', 'is', null)
        .execute();
      await tx.deleteFrom('users').where('organization_id', '=', id).execute();
      await tx.deleteFrom('webhooks').where('organization_id', '=', id).execute();
      return true;
    });
  }

  /** Sandboxes that live though their organization is suspended or deleted. */
  sandboxesToEnd(): Promise<{ id: string; organizationId: string; deleted: boolean }[]> {
    return this.#db
      .selectFrom('sandboxes')
      .innerJoin('organizations', 'organizations.id', 'sandboxes.organization_id')
      .select((eb) => [
        'sandboxes.id',
        'organizations.id as organizationId',
        eb('organizations.deleted_at', 'is not', null).$castTo<boolean>().as('deleted'),
      ])
      .where('sandboxes.status', 'not in', ['ended', 'failed'])
      .where((eb) =>
        eb.or([
          eb('organizations.suspended_at', 'is not', null),
          eb('organizations.deleted_at', 'is not', null),
        ]),
      )
      .execute();
  }

  async list(options: { limit: number; cursor?: string | undefined }): Promise<Page<OrganizationRow>> {
    let query = this.#db
      .selectFrom('organizations')
      .selectAll()
      .where('deleted_at', 'is', null)
      .orderBy('created_at')
      .orderBy('id')
      .limit(options.limit + 1);
    if (options.cursor !== undefined) {
      const [createdAt, id] = decodeCursor(options.cursor, 'number', 'string');
      query = query.where((eb) => eb(eb.refTuple('created_at', 'id'), '>', eb.tuple(createdAt, id)));
    }
    return toPage(await query.execute(), options.limit, byTime);
  }

  /** Adds an organization with its first key and owner, all or nothing. */
  async create({ organization, key, owner, invitation }: NewOrganization): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx.insertInto('organizations').values(organization).execute();
      await tx.insertInto('api_keys').values(key).execute();
      await tx.insertInto('users').values(owner).execute();
      if (invitation)
        await tx
          .insertInto('invitations')
          .values({ ...invitation, user_id: owner.id })
          .execute();
    });
  }

  /**
   * Adds what a first start needs, decided by `decide` under a lock that all servers share. `decide` hands the secrets
   * it makes to whoever keeps them before it returns: should the server be killed, nothing was committed and the next
   * start begins anew.
   */
  async createFirst(
    decide: (
      gaps: FirstStartGaps,
    ) => Promise<Partial<Pick<NewOrganization, 'organization' | 'key' | 'owner'>>>,
  ): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${FIRST_START_LOCK})`.execute(tx);
      const found = await tx
        .selectFrom('organizations')
        .selectAll()
        .where('operator', 'is', true)
        .executeTakeFirst();
      const owner = found
        ? await tx
            .selectFrom('users')
            .select('id')
            .where('organization_id', '=', found.id)
            .where('role', '=', 'owner')
            .executeTakeFirst()
        : undefined;
      const missing = await decide({ organization: found, hasOwner: owner !== undefined });
      if (missing.organization) await tx.insertInto('organizations').values(missing.organization).execute();
      if (missing.key) await tx.insertInto('api_keys').values(missing.key).execute();
      if (missing.owner) await tx.insertInto('users').values(missing.owner).execute();
    });
  }
}

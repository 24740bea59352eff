import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { ApiKeyRow, OrganizationRow, UserRow } from '../database/schema.ts';
import { decodeCursor, encodeCursor, type Page } from './cursor.ts';

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
    return this.#db.selectFrom('organizations').selectAll().where('id', '=', id).executeTakeFirst();
  }

  async list(options: { limit: number; cursor?: string | undefined }): Promise<Page<OrganizationRow>> {
    let query = this.#db
      .selectFrom('organizations')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .limit(options.limit + 1);
    if (options.cursor !== undefined) {
      const [createdAt, id] = decodeCursor(options.cursor, 'number', 'string');
      query = query.where((eb) => eb(eb.refTuple('created_at', 'id'), '>', eb.tuple(createdAt, id)));
    }
    const rows = await query.execute();
    const page = rows.slice(0, options.limit);
    const last = page.at(-1);
    return {
      rows: page,
      nextCursor: rows.length > page.length && last ? encodeCursor([last.created_at, last.id]) : null,
    };
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

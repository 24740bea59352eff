import type { Database } from '../database/connect.ts';
import type { ApiKeysTable } from '../database/schema.ts';

export type ApiKeyRecord = Pick<ApiKeysTable, 'id' | 'organization_id' | 'scopes'>;

/** Organizations and their API keys. */
export class AccessStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The usable key with this hash: neither revoked nor expired. */
  findKey(hash: string, now: number): Promise<ApiKeyRecord | undefined> {
    return this.#db
      .selectFrom('api_keys')
      .select(['id', 'organization_id', 'scopes'])
      .where('hash', '=', hash)
      .where('revoked_at', 'is', null)
      .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
      .executeTakeFirst();
  }

  async markUsed(keyId: string, now: number): Promise<void> {
    await this.#db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', keyId).execute();
  }

  async hasOrganization(): Promise<boolean> {
    return (
      (await this.#db.selectFrom('organizations').select('id').limit(1).executeTakeFirst()) !== undefined
    );
  }

  /** Adds an organization with its first key, both or neither. */
  async createOrganization(
    organization: { id: string; name: string; now: number },
    key: ApiKeysTable,
  ): Promise<void> {
    const { id, name, now } = organization;
    await this.#db.transaction().execute(async (tx) => {
      await tx.insertInto('organizations').values({ id, name, created_at: now }).execute();
      await tx.insertInto('api_keys').values(key).execute();
    });
  }
}

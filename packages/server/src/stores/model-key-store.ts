import type { Database } from '../database/connect.ts';
import type { ModelKeyRow } from '../database/tables/agent.ts';

/** Model keys of organizations, one a provider. */
export class ModelKeyStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  list(organizationId: string): Promise<ModelKeyRow[]> {
    return this.#db
      .selectFrom('model_keys')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .orderBy('provider')
      .execute();
  }

  async set(row: ModelKeyRow): Promise<void> {
    const { organization_id: _organization, provider: _provider, ...columns } = row;
    await this.#db
      .insertInto('model_keys')
      .values(row)
      .onConflict((conflict) => conflict.columns(['organization_id', 'provider']).doUpdateSet(columns))
      .execute();
  }

  /** @returns whether there was one. */
  async delete(organizationId: string, provider: ModelKeyRow['provider']): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('model_keys')
      .where('organization_id', '=', organizationId)
      .where('provider', '=', provider)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

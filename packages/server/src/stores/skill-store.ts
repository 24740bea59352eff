import type { Database } from '../database/connect.ts';
import type { NewSkillRow, SkillRow } from '../database/tables/agent.ts';
import type { Page } from './cursor.ts';
import { lockOrganization } from './lock-organization.ts';
import { newestFirst } from './newest-first.ts';

/** Skills of organizations. */
export class SkillStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Adds a skill, unless the organization has one of this name or `limit` of them. */
  insert(row: NewSkillRow, limit: number): Promise<SkillRow | 'exists' | 'full'> {
    return this.#db.transaction().execute(async (tx) => {
      await lockOrganization(tx, row.organization_id);
      const { count } = await tx
        .selectFrom('skills')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('organization_id', '=', row.organization_id)
        .executeTakeFirstOrThrow();
      if (Number(count) >= limit) return 'full';
      const inserted = await tx
        .insertInto('skills')
        .values(row)
        .onConflict((conflict) => conflict.columns(['organization_id', 'name']).doNothing())
        .returningAll()
        .executeTakeFirst();
      return inserted ?? 'exists';
    });
  }

  find(organizationId: string, id: string): Promise<SkillRow | undefined> {
    return this.#db
      .selectFrom('skills')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst();
  }

  async list(
    organizationId: string,
    options: { limit: number; cursor?: string | undefined },
  ): Promise<Page<SkillRow>> {
    const query = this.#db.selectFrom('skills').selectAll().where('organization_id', '=', organizationId);
    return newestFirst(query, options);
  }

  /** @returns whether there was one. */
  async delete(organizationId: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('skills')
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

import type { Database } from '../database/connect.ts';
import type { NewSkillRow, SkillRow } from '../database/schema.ts';
import { byTime, decodeCursor, toPage, type Page } from './cursor.ts';

/** Skills of organizations. */
export class SkillStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Adds a skill, unless the organization has one of this name or `limit` of them. */
  insert(row: NewSkillRow, limit: number): Promise<SkillRow | 'exists' | 'full'> {
    return this.#db.transaction().execute(async (tx) => {
      // Two creations at once would each count before the other is there.
      await tx
        .selectFrom('organizations')
        .select('id')
        .where('id', '=', row.organization_id)
        .forNoKeyUpdate()
        .execute();
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
    let query = this.#db
      .selectFrom('skills')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(options.limit + 1);
    if (options.cursor !== undefined) {
      const [createdAt, id] = decodeCursor(options.cursor, 'number', 'string');
      query = query.where((eb) => eb(eb.refTuple('created_at', 'id'), '<', eb.tuple(createdAt, id)));
    }
    return toPage(await query.execute(), options.limit, byTime);
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

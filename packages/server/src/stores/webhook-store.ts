import type { Updateable } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { WebhookRow, WebhooksTable } from '../database/tables/events.ts';
import type { Page } from './cursor.ts';
import { lockOrganization } from './lock-organization.ts';
import { newestFirst } from './newest-first.ts';

/** Webhooks of organizations. */
export class WebhookStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Adds a webhook unless the organization has `limit` of them.
   * @returns whether it was added.
   */
  insert(row: WebhookRow, limit: number): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      await lockOrganization(tx, row.organization_id);
      const { count } = await tx
        .selectFrom('webhooks')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('organization_id', '=', row.organization_id)
        .executeTakeFirstOrThrow();
      if (Number(count) >= limit) return false;
      await tx.insertInto('webhooks').values(row).execute();
      return true;
    });
  }

  find(organizationId: string, id: string): Promise<WebhookRow | undefined> {
    return this.#db
      .selectFrom('webhooks')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst();
  }

  async list(
    organizationId: string,
    options: { limit: number; cursor?: string | undefined },
  ): Promise<Page<WebhookRow>> {
    const query = this.#db.selectFrom('webhooks').selectAll().where('organization_id', '=', organizationId);
    return newestFirst(query, options);
  }

  update(
    organizationId: string,
    id: string,
    set: Updateable<WebhooksTable>,
  ): Promise<WebhookRow | undefined> {
    return this.#db
      .updateTable('webhooks')
      .set(set)
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
  }

  /** Makes `sealed` the secret; the present one stays valid until `previousUntil`. */
  rotate(
    organizationId: string,
    id: string,
    change: { sealed: Buffer; previousUntil: number; now: number },
  ): Promise<WebhookRow | undefined> {
    return this.#db
      .updateTable('webhooks')
      .set((eb) => ({
        secret_sealed: change.sealed,
        previous_secret_sealed: eb.ref('secret_sealed'),
        previous_secret_until: change.previousUntil,
        updated_at: change.now,
      }))
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
  }

  async delete(organizationId: string, id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom('webhooks')
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }
}

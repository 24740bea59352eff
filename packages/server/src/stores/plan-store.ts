import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { Tx } from './event-store.ts';

/** What limits of a plan are compared with. */
export interface PlanUse {
  /** Sandboxes that are neither paused nor over. */
  sandboxes: number;
  /** Milliseconds sandboxes ran in the period. */
  sandboxMs: number;
}

/** Plans of organizations, and how much of them is used. */
export class PlanStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Undefined where there is no such organization; null where none was assigned. */
  async find(organizationId: string): Promise<string | null | undefined> {
    const row = await this.#db
      .selectFrom('organizations')
      .select('plan')
      .where('id', '=', organizationId)
      .executeTakeFirst();
    return row?.plan;
  }

  /** @returns false where there is no such organization. */
  async assign(organizationId: string, plan: string | null): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('organizations')
      .set({ plan })
      .where('id', '=', organizationId)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  use(organizationId: string, period: { start: number; now: number }): Promise<PlanUse> {
    return readUse(this.#db, organizationId, period);
  }

  /** Within a transaction that goes on to add a sandbox: until it ends, no other one adds one to the organization. */
  async lockedUse(tx: Tx, organizationId: string, period: { start: number; now: number }): Promise<PlanUse> {
    // Not "for update": that would also wait for every insert of a row that refers to the organization.
    await sql`select 1 from organizations where id = ${organizationId} for no key update`.execute(tx);
    return readUse(tx, organizationId, period);
  }
}

async function readUse(
  db: Database | Tx,
  organizationId: string,
  { start, now }: { start: number; now: number },
): Promise<PlanUse> {
  const { rows } = await sql<PlanUse>`
    select
      (select count(*) from sandboxes
        where organization_id = ${organizationId} and status not in ('ended', 'failed') and status <> 'paused'
      ) as sandboxes,
      (select coalesce(sum(coalesce(ended_at, ${now}::bigint) - greatest(started_at, ${start}::bigint)), 0)::bigint
        from sandbox_runs
        where organization_id = ${organizationId}
          and (ended_at is null or ended_at > ${start}) and started_at < ${now}
      ) as "sandboxMs"`.execute(db);
  return rows[0] ?? { sandboxes: 0, sandboxMs: 0 };
}

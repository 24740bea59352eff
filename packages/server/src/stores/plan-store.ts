import { sql } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { Tx } from './event-store.ts';

/** What limits of a plan are compared with. */
export interface PlanUse {
  /** Sandboxes that are neither paused nor over. */
  sandboxes: number;
  /** Milliseconds sandboxes ran in the period. */
  sandboxMs: number;
  /** Browser sessions that are not over. */
  browsers: number;
  /** Milliseconds browser sessions ran in the period. */
  browserMs: number;
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
    with live as (
      select kind from sandboxes
      where organization_id = ${organizationId} and status not in ('ended', 'failed') and status <> 'paused'
    ), runs as (
      select s.kind, coalesce(r.ended_at, ${now}::bigint) - greatest(r.started_at, ${start}::bigint) as ms
      from sandbox_runs r join sandboxes s on s.id = r.sandbox_id
      where r.organization_id = ${organizationId}
        and (r.ended_at is null or r.ended_at > ${start}) and r.started_at < ${now}
    )
    select
      (select count(*) from live where kind = 'sandbox') as sandboxes,
      (select count(*) from live where kind = 'browser') as browsers,
      (select coalesce(sum(ms), 0)::bigint from runs where kind = 'sandbox') as "sandboxMs",
      (select coalesce(sum(ms), 0)::bigint from runs where kind = 'browser') as "browserMs"`.execute(db);
  return rows[0] ?? { sandboxes: 0, sandboxMs: 0, browsers: 0, browserMs: 0 };
}

import type { UsageFigures } from '@banata/protocol';
import type { BoxUsage } from '@banata/drivers';
import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../database/connect.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';

const DAY_MS = 86_400_000;

/** A reading of a box's counters. */
export interface BoxSample {
  sandboxId: string;
  organizationId: string;
  boxId: string;
  sampledAt: number;
  usage: BoxUsage;
}

/** Whose use, and on which days (UTC, `YYYY-MM-DD`, both included). */
export interface UsageScope {
  organizationId: string;
  sandboxId?: string | undefined;
  from: string;
  to: string;
  now: number;
}

type Figures = UsageFigures & { day: string; sandbox_id: string };

/** What sandboxes used. */
export class UsageStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Adds what a box used since the reading before to its day. Counters only grow, so readings that arrive late or twice,
   * also from several servers, change nothing.
   */
  async record({ sandboxId, organizationId, boxId, sampledAt, usage }: BoxSample): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      const last = await tx
        .insertInto('box_samples')
        .values({
          sandbox_id: sandboxId,
          box_id: boxId,
          sampled_at: 0,
          cpu_us: 0,
          egress_bytes: 0,
          ingress_bytes: 0,
        })
        // Changes nothing and locks the row.
        .onConflict((conflict) =>
          conflict
            .column('sandbox_id')
            .doUpdateSet((eb) => ({ sampled_at: eb.ref('box_samples.sampled_at') })),
        )
        .returningAll()
        .executeTakeFirstOrThrow();
      const before =
        last.box_id === boxId ? last : { sampled_at: 0, cpu_us: 0, egress_bytes: 0, ingress_bytes: 0 };
      const now = {
        sampled_at: Math.max(before.sampled_at, sampledAt),
        cpu_us: Math.max(before.cpu_us, usage.cpuUs),
        egress_bytes: Math.max(before.egress_bytes, usage.egressBytes),
        ingress_bytes: Math.max(before.ingress_bytes, usage.ingressBytes),
      };
      await tx
        .updateTable('box_samples')
        .set({ ...now, box_id: boxId })
        .where('sandbox_id', '=', sandboxId)
        .execute();
      await tx
        .insertInto('sandbox_usage_days')
        .values({
          sandbox_id: sandboxId,
          day: new Date(sampledAt).toISOString().slice(0, 10),
          organization_id: organizationId,
          cpu_us: now.cpu_us - before.cpu_us,
          memory_peak_bytes: usage.memoryPeakBytes,
          storage_peak_bytes: usage.storageBytes,
          egress_bytes: now.egress_bytes - before.egress_bytes,
          ingress_bytes: now.ingress_bytes - before.ingress_bytes,
        })
        .onConflict((conflict) =>
          conflict.columns(['sandbox_id', 'day']).doUpdateSet((eb) => ({
            cpu_us: eb('sandbox_usage_days.cpu_us', '+', eb.ref('excluded.cpu_us')),
            egress_bytes: eb('sandbox_usage_days.egress_bytes', '+', eb.ref('excluded.egress_bytes')),
            ingress_bytes: eb('sandbox_usage_days.ingress_bytes', '+', eb.ref('excluded.ingress_bytes')),
            memory_peak_bytes: eb.fn<number>('greatest', [
              'sandbox_usage_days.memory_peak_bytes',
              'excluded.memory_peak_bytes',
            ]),
            storage_peak_bytes: eb.fn<number>('greatest', [
              'sandbox_usage_days.storage_peak_bytes',
              'excluded.storage_peak_bytes',
            ]),
          })),
        )
        .execute();
    });
  }

  /** Forgets the counters of a box that is stopped: they begin anew with its next start. */
  async forgetBox(sandboxId: string): Promise<void> {
    await this.#db.deleteFrom('box_samples').where('sandbox_id', '=', sandboxId).execute();
  }

  /** When the counters of a sandbox's box were read last. */
  async lastSampleAt(sandboxId: string): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('box_samples')
      .select('sampled_at')
      .where('sandbox_id', '=', sandboxId)
      .executeTakeFirst();
    return row?.sampled_at;
  }

  /** By day, oldest first; days without any use are left out. */
  async byDay(scope: UsageScope): Promise<({ day: string } & UsageFigures)[]> {
    const { rows } = await sql<Figures>`
      ${figures(scope, sql`day`)} order by day`.execute(this.#db);
    return rows.map((row) => ({ day: row.day, ...toFigures(row) }));
  }

  /** By sandbox, newest first; sandboxes without any use are left out. */
  async bySandbox(
    scope: UsageScope,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ rows: ({ sandboxId: string } & UsageFigures)[]; nextCursor: string | null }> {
    const cursor = page.cursor === undefined ? undefined : decodeCursor(page.cursor, 'number', 'string');
    const after = cursor ? sql`and (s.created_at, s.id) < (${cursor[0]}::bigint, ${cursor[1]})` : sql``;
    const { rows } = await sql<Figures & { created_at: number }>`
      select u.*, s.created_at from (${figures(scope, sql`sandbox_id`)}) u
      join sandboxes s on s.id = u.sandbox_id
      where true ${after}
      order by s.created_at desc, s.id desc limit ${page.limit + 1}`.execute(this.#db);
    const shown = rows.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      rows: shown.map((row) => ({ sandboxId: row.sandbox_id, ...toFigures(row) })),
      nextCursor:
        rows.length > shown.length && last ? encodeCursor([last.created_at, last.sandbox_id]) : null,
    };
  }

  async total(scope: UsageScope): Promise<UsageFigures> {
    const { rows } = await sql<Figures>`${figures(scope, sql`organization_id`)}`.execute(this.#db);
    return rows[0] ? toFigures(rows[0]) : NO_USE;
  }

  async artifactBytes({
    organizationId,
    sandboxId,
  }: Pick<UsageScope, 'organizationId' | 'sandboxId'>): Promise<number> {
    let query = this.#db
      .selectFrom('artifacts')
      .select((eb) => eb.fn.coalesce(eb.fn.sum<string>('size'), eb.val('0')).as('bytes'))
      .where('organization_id', '=', organizationId)
      .where('owns_object', '=', true);
    if (sandboxId !== undefined) query = query.where('sandbox_id', '=', sandboxId);
    return Number((await query.executeTakeFirstOrThrow()).bytes);
  }
}

/** Everything a scope covers as (day, sandbox) rows, summed up by one column. */
function figures(scope: UsageScope, by: RawBuilder<unknown>): RawBuilder<Figures> {
  const { organizationId, sandboxId, from, to, now } = scope;
  const start = Date.parse(from);
  const end = Math.min(Date.parse(to) + DAY_MS, now);
  const only = sandboxId === undefined ? sql`` : sql`and sandbox_id = ${sandboxId}`;
  return sql<Figures>`
    with runs as (
      select sandbox_id, browser, kind, greatest(started_at, ${start}::bigint) as a,
        least(coalesce(ended_at, ${end}::bigint), ${end}::bigint) as b
      from (
        select r.*, s.kind from sandbox_runs r join sandboxes s on s.id = r.sandbox_id
        where r.organization_id = ${organizationId}
      ) of_kind
      where true ${only} and started_at < ${end} and (ended_at is null or ended_at > ${start})
    ), spans as (
      select sandbox_id, browser, kind, day_ms,
        least(b, day_ms + ${DAY_MS}) - greatest(a, day_ms) as ms
      from runs cross join lateral generate_series(a - a % ${DAY_MS}, b - 1, ${DAY_MS}) as day_ms
    ), parts as (
      select sandbox_id, to_char(to_timestamp(day_ms / 1000) at time zone 'utc', 'YYYY-MM-DD') as day,
        case when kind = 'sandbox' then ms else 0 end as ms, case when browser then ms else 0 end as browser_ms,
        0::bigint as cpu_us, 0::bigint as memory, 0::bigint as storage, 0::bigint as egress, 0::bigint as ingress,
        0::bigint as requests, 0::bigint as input, 0::bigint as output, 0::float8 as cost
      from spans
      union all
      select sandbox_id, to_char(day, 'YYYY-MM-DD'), 0, 0, cpu_us, memory_peak_bytes, storage_peak_bytes,
        egress_bytes, ingress_bytes, 0, 0, 0, 0
      from sandbox_usage_days
      where organization_id = ${organizationId} ${only} and day between ${from}::date and ${to}::date
      union all
      select sandbox_id, to_char(day, 'YYYY-MM-DD'), 0, 0, 0, 0, 0, 0, 0, requests, input_tokens, output_tokens,
        cost_usd
      from model_usage
      where organization_id = ${organizationId} ${only} and day between ${from}::date and ${to}::date
    ), owned as (select *, ${organizationId}::text as organization_id from parts)
    select ${by},
      sum(ms)::float8 / 1000 as "sandboxSeconds", sum(browser_ms)::float8 / 1000 as "browserSeconds",
      sum(cpu_us)::float8 / 1000000 as "cpuSeconds", max(memory) as "memoryPeakBytes",
      max(storage) as "storagePeakBytes", sum(egress)::float8 as "egressBytes",
      sum(ingress)::float8 as "ingressBytes", sum(requests)::float8 as "modelRequests",
      sum(input)::float8 as "modelInputTokens", sum(output)::float8 as "modelOutputTokens",
      sum(cost)::float8 as "modelCostUsd"
    from owned group by ${by}`;
}

const NO_USE: UsageFigures = {
  sandboxSeconds: 0,
  browserSeconds: 0,
  cpuSeconds: 0,
  memoryPeakBytes: 0,
  storagePeakBytes: 0,
  egressBytes: 0,
  ingressBytes: 0,
  modelRequests: 0,
  modelInputTokens: 0,
  modelOutputTokens: 0,
  modelCostUsd: 0,
};

/** Without the columns that rows are grouped by. */
function toFigures(row: Figures): UsageFigures {
  const names = Object.keys(NO_USE) as (keyof UsageFigures)[];
  return { ...NO_USE, ...Object.fromEntries(names.map((name) => [name, row[name]])) };
}

import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table agent_tasks
      add column spent_requests integer not null default 0,
      add column spent_tokens bigint not null default 0,
      add column spent_cost_usd double precision not null default 0,
      add column spent_unpriced integer not null default 0,
      add column spent_by_model jsonb not null default '{}',
      add column stop_error jsonb
  `.execute(db);
  await sql`
    alter table model_usage
      add column cost_usd double precision not null default 0,
      add column duration_ms bigint not null default 0
  `.execute(db);
}

import { sql, type Kysely } from 'kysely';

const statements = [
  sql`alter table organizations add column plan text`,
  sql`create index sandboxes_live_by_organization on sandboxes (organization_id, created_at desc, id desc)
    where status not in ('ended', 'failed')`,
  // The times between which a sandbox ran: what its seconds are counted from.
  sql`create table sandbox_runs (
    sandbox_id text not null references sandboxes,
    started_at bigint not null,
    ended_at bigint,
    organization_id text not null,
    browser boolean not null,
    primary key (sandbox_id, started_at)
  )`,
  sql`create unique index sandbox_runs_open on sandbox_runs (sandbox_id) where ended_at is null`,
  sql`create index sandbox_runs_by_organization on sandbox_runs (organization_id, ended_at)`,
  sql`insert into sandbox_runs (sandbox_id, started_at, ended_at, organization_id, browser)
    select id, ready_at,
      case when status in ('ended', 'failed', 'paused') then greatest(ready_at, coalesce(ended_at, last_activity_at)) end,
      organization_id, coalesce(jsonb_typeof(capabilities -> 'browser'), 'null') <> 'null'
    from sandboxes where ready_at is not null`,
  sql`create table box_samples (
    sandbox_id text primary key references sandboxes,
    box_id text not null,
    sampled_at bigint not null,
    cpu_us bigint not null,
    egress_bytes bigint not null,
    ingress_bytes bigint not null
  )`,
  sql`create table sandbox_usage_days (
    sandbox_id text not null references sandboxes,
    day date not null,
    organization_id text not null,
    cpu_us bigint not null,
    memory_peak_bytes bigint not null,
    storage_peak_bytes bigint not null,
    egress_bytes bigint not null,
    ingress_bytes bigint not null,
    primary key (sandbox_id, day)
  )`,
  sql`create index sandbox_usage_days_by_organization on sandbox_usage_days (organization_id, day)`,
  sql`alter table model_usage add column day date not null default (now() at time zone 'utc')::date`,
  sql`alter table model_usage drop constraint model_usage_pkey`,
  sql`alter table model_usage add primary key (sandbox_id, model, day)`,
  sql`create index model_usage_by_organization on model_usage (organization_id, day)`,
  // Unlogged: written often, and buckets that are full again after a crash of the database do no harm.
  sql`create unlogged table rate_buckets (
    organization_id text not null,
    name text not null,
    tokens double precision not null,
    updated_at double precision not null,
    granted integer not null,
    primary key (organization_id, name)
  )`,
  sql`create table idempotency_keys (
    organization_id text not null references organizations,
    route text not null,
    key text not null,
    request_hash text not null,
    object_id text not null,
    owner text,
    lease_until bigint not null,
    reply_sealed bytea,
    created_at bigint not null,
    primary key (organization_id, route, key)
  )`,
  sql`create index idempotency_keys_by_age on idempotency_keys (created_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

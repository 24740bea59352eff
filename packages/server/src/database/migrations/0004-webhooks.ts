import { sql, type Kysely } from 'kysely';

const statements = [
  // Transaction ids begin anew in a database that was restored elsewhere; the offset keeps `events.txn` growing.
  sql`create table event_clock (
    only_row boolean primary key default true check (only_row),
    txn_offset bigint not null
  )`,
  sql`insert into event_clock (txn_offset) values (0)`,
  sql`alter table events
    add column txn bigint not null default 0,
    add column position bigint generated always as identity`,
  sql`create index events_in_order on events (organization_id, txn, position)`,
  sql`create table webhooks (
    id text primary key,
    organization_id text not null references organizations,
    url text not null,
    description text not null,
    event_types text[],
    style text not null,
    enabled boolean not null,
    disabled_reason text,
    secret_sealed bytea not null,
    previous_secret_sealed bytea,
    previous_secret_until bigint,
    failing_since bigint,
    created_at bigint not null,
    updated_at bigint not null
  )`,
  sql`create index webhooks_by_organization on webhooks (organization_id, created_at desc, id desc)`,
  sql`create table webhook_deliveries (
    id text primary key,
    ordinal bigint generated always as identity,
    webhook_id text not null references webhooks on delete cascade,
    event_id text not null,
    event_type text not null,
    sandbox_id text,
    payload jsonb,
    status text not null,
    attempts integer not null default 0,
    next_attempt_at bigint not null,
    give_up_at bigint not null,
    lease_owner text,
    lease_until bigint,
    created_at bigint not null,
    finished_at bigint
  )`,
  sql`create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, ordinal desc)`,
  sql`create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_attempt_at, ordinal)
    where status = 'pending'`,
  sql`create index webhook_deliveries_sending on webhook_deliveries (webhook_id) where status = 'sending'`,
  sql`create index webhook_deliveries_finished on webhook_deliveries (finished_at) where finished_at is not null`,
  sql`create table webhook_attempts (
    delivery_id text not null references webhook_deliveries on delete cascade,
    number integer not null,
    started_at bigint not null,
    duration_ms bigint not null,
    status integer,
    error text,
    response_body text,
    primary key (delivery_id, number)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

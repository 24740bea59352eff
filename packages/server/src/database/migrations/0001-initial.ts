import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create table organizations (
    id text primary key,
    name text not null,
    created_at bigint not null
  )`,
  sql`create table api_keys (
    id text primary key,
    organization_id text not null references organizations,
    name text not null,
    prefix text not null,
    hash text not null unique,
    scopes text[],
    created_at bigint not null,
    last_used_at bigint,
    expires_at bigint,
    revoked_at bigint
  )`,
  sql`create table sandboxes (
    id text primary key,
    organization_id text not null references organizations,
    status text not null,
    runtime text not null,
    size text not null,
    region text not null,
    ephemeral boolean not null,
    capabilities jsonb,
    metadata jsonb not null,
    env_sealed bytea not null,
    box_id text unique,
    model_token_hash text unique,
    followed boolean not null,
    created_at bigint not null,
    ready_at bigint,
    ended_at bigint,
    expires_at bigint not null,
    idle_timeout_ms bigint,
    last_activity_at bigint not null,
    active_until bigint not null default 0,
    announced_deadline bigint,
    end_reason text,
    lease_owner text,
    lease_until bigint not null default 0,
    event_seq bigint not null default 0,
    box_cursor bigint not null default 0,
    last_task_report jsonb
  )`,
  sql`create index sandboxes_by_organization on sandboxes (organization_id, created_at desc, id desc)`,
  sql`create index sandboxes_live on sandboxes (status) where status not in ('ended', 'failed')`,
  sql`create table events (
    id text primary key,
    organization_id text not null,
    sandbox_id text not null references sandboxes,
    seq bigint not null,
    type text not null,
    data jsonb not null,
    created_at bigint not null,
    unique (sandbox_id, seq)
  )`,
  sql`create table agent_tasks (
    id text primary key,
    ordinal bigint generated always as identity,
    organization_id text not null,
    sandbox_id text not null references sandboxes,
    status text not null,
    prompt text not null,
    agent text,
    session_id text,
    metadata jsonb not null,
    system text,
    no_reply boolean not null,
    timeout_ms bigint not null,
    cancel_requested boolean not null default false,
    result_text text,
    error jsonb,
    usage jsonb not null,
    created_at bigint not null,
    started_at bigint,
    finished_at bigint
  )`,
  sql`create index agent_tasks_by_sandbox on agent_tasks (sandbox_id, ordinal desc)`,
  sql`create index agent_tasks_open on agent_tasks (sandbox_id, ordinal) where finished_at is null`,
  sql`create table artifacts (
    sandbox_id text not null references sandboxes,
    key text not null,
    organization_id text not null,
    name text not null,
    kind text not null,
    size bigint not null,
    content_type text not null,
    sha256 text not null,
    source text,
    object_key text not null,
    created_at bigint not null,
    primary key (sandbox_id, key)
  )`,
  sql`create table model_usage (
    sandbox_id text not null references sandboxes,
    model text not null,
    organization_id text not null,
    requests bigint not null default 0,
    input_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    primary key (sandbox_id, model)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create table checkpoints (
    id text primary key,
    organization_id text not null references organizations,
    sandbox_id text not null references sandboxes,
    name text,
    metadata jsonb not null,
    state text not null,
    format text not null,
    local boolean not null default false,
    size bigint,
    stored_size bigint,
    sha256 text,
    reason text,
    attempts integer not null default 0,
    next_attempt_at bigint not null default 0,
    lease_owner text,
    lease_until bigint not null default 0,
    created_at bigint not null,
    stored_at bigint,
    used_at bigint not null,
    deleted_at bigint
  )`,
  sql`create index checkpoints_by_sandbox on checkpoints (sandbox_id, created_at desc, id desc)`,
  sql`create index checkpoints_at_work on checkpoints (state) where state in ('creating', 'local', 'uploading')`,
  sql`alter table sandboxes
    add column checkpoint_id text,
    add column previous_box_id text,
    add column paused_at bigint,
    add column paused_ms bigint not null default 0`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

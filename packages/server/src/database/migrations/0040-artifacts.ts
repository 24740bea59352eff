import { sql, type Kysely } from 'kysely';

const statements = [
  sql`alter table artifacts
    add column state text not null default 'stored',
    add column owns_object boolean not null default true`,
  sql`create index artifacts_by_organization on artifacts (organization_id, created_at desc, sandbox_id, key)`,
  sql`create index artifacts_by_object on artifacts (object_key)`,
  sql`create table object_transfers (
    object_key text not null,
    kind text not null,
    server_id text not null,
    size bigint not null,
    sha256 text,
    content_type text,
    attempts integer not null default 0,
    next_attempt_at bigint not null,
    last_error text,
    created_at bigint not null,
    primary key (object_key, kind)
  )`,
  sql`create index object_transfers_due on object_transfers (next_attempt_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

import { sql, type Kysely } from 'kysely';

const statements = [
  sql`alter table sandboxes add column network jsonb not null default '{"egress":"all"}'`,
  sql`create table network_log (
    id bigint generated always as identity primary key,
    sandbox_id text not null references sandboxes on delete cascade,
    time bigint not null,
    protocol text not null,
    host text,
    address text,
    port integer not null,
    bytes_sent bigint not null,
    bytes_received bigint not null,
    allowed boolean not null,
    rule text not null
  )`,
  sql`create index network_log_by_sandbox on network_log (sandbox_id, id desc)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

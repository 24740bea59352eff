import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create table port_previews (
    label text primary key,
    sandbox_id text not null references sandboxes,
    organization_id text not null,
    port integer not null,
    public boolean not null,
    expires_at bigint not null,
    created_at bigint not null,
    unique (sandbox_id, port)
  )`,
  sql`create table installation (
    name text primary key,
    value bytea not null
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

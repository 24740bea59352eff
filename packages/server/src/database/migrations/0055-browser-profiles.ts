import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table browser_profiles (
    organization_id text not null references organizations (id),
    key text not null,
    object_key text,
    size bigint,
    saved_at bigint,
    created_at bigint not null,
    sandbox_id text,
    primary key (organization_id, key)
  )`.execute(db);
}

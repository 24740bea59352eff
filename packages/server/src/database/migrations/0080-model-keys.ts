import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table model_keys (
      organization_id text not null references organizations (id) on delete cascade,
      provider text not null,
      key_sealed bytea,
      base_url text,
      model text,
      small_model text,
      updated_at bigint not null,
      primary key (organization_id, provider)
    )
  `.execute(db);
}

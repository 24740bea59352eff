import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table organizations
      add column suspended_at bigint,
      add column suspended_reason text,
      add column deleted_at bigint`.execute(db);
}

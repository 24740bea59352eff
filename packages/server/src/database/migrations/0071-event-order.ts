import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sandboxes add column event_txn bigint not null default 0`.execute(db);
}

import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table sandboxes add column isolation text not null default 'container'`.execute(db);
}

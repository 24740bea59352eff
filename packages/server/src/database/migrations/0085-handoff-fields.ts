import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table handoffs
    add column fields jsonb,
    add column deliver text,
    add column filled_at bigint,
    add column detected jsonb`.execute(db);
}

import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table sandboxes
      add column kind text not null default 'sandbox' check (kind in ('sandbox', 'browser')),
      add column browser_session jsonb,
      add column paired_with text,
      add column paired_session_id text,
      add column proxy_sealed bytea,
      add column cdp_client_at bigint`.execute(db);
  await sql`create index sandboxes_paired_with on sandboxes (paired_with) where paired_with is not null`.execute(
    db,
  );
}

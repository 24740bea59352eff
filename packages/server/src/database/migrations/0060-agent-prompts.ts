import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table agent_tasks
      add column model text,
      add column files jsonb not null default '[]',
      add column response_schema jsonb,
      add column structured jsonb,
      add column files_changed jsonb not null default '[]'
  `.execute(db);
}

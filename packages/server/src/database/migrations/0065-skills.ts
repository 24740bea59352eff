import { sql, type Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table skills (
      id text primary key,
      organization_id text not null references organizations (id) on delete cascade,
      name text not null,
      description text not null,
      site text,
      recipe text not null,
      steps jsonb not null,
      inputs jsonb not null,
      source jsonb,
      created_at bigint not null,
      unique (organization_id, name)
    )
  `.execute(db);
  await sql`create index skills_newest on skills (organization_id, created_at desc, id desc)`.execute(db);
  await sql`
    alter table agent_tasks
      add column budget jsonb,
      add column report jsonb,
      add column skill_id text,
      add column replay_sealed bytea,
      add column replay jsonb
  `.execute(db);
}

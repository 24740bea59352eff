import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create table handoff_queue (
    id text primary key,
    ordinal bigint generated always as identity,
    sandbox_id text not null references sandboxes (id) on delete cascade,
    task_id text,
    wanted jsonb not null,
    created_at bigint not null
  )`,
  sql`create index handoff_queue_by_sandbox on handoff_queue (sandbox_id, ordinal)`,
  sql`create index handoffs_open_of_organization on handoffs (organization_id, ordinal desc)
    where status in ('pending', 'accepted')`,
  sql`alter table agent_tasks add column held_back_by text`,
  sql`create index agent_tasks_held_back on agent_tasks (held_back_by) where held_back_by is not null`,
  sql`create index agent_tasks_continues on agent_tasks (continues_task_id) where continues_task_id is not null`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

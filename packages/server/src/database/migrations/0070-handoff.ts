import { sql, type Kysely } from 'kysely';

const statements = [
  sql`create table handoffs (
    id text primary key,
    ordinal bigint generated always as identity,
    organization_id text not null,
    sandbox_id text not null references sandboxes (id) on delete cascade,
    status text not null,
    round integer not null default 1,
    reason text not null,
    message text not null,
    requested_by text not null,
    resume_prompt text,
    controller text,
    holder text,
    note text,
    lease_until bigint,
    task_id text,
    follow_up_task_id text,
    requested_at bigint not null,
    accepted_at bigint,
    completed_at bigint,
    expires_at bigint not null,
    updated_at bigint not null
  )`,
  sql`create unique index handoffs_open on handoffs (sandbox_id) where status in ('pending', 'accepted')`,
  sql`create index handoffs_by_sandbox on handoffs (sandbox_id, ordinal desc)`,
  sql`create index handoffs_by_task on handoffs (task_id) where task_id is not null`,
  sql`alter table agent_tasks
    add column during_handoff boolean not null default false,
    add column handoff_id text,
    add column continues_task_id text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

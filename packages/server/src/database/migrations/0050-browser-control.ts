import { sql, type Kysely } from 'kysely';

const statements = [
  sql`alter table sandboxes
    add column control_mode text not null default 'ai',
    add column control_controller text,
    add column control_holder text,
    add column control_lease_until bigint,
    add column control_epoch bigint not null default 0,
    add column control_applied text,
    add column links_epoch bigint not null default 0`,
  sql`create index sandboxes_control_lease on sandboxes (control_lease_until)
    where control_lease_until is not null`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

import { sql, type Kysely } from 'kysely';

const statements = [
  sql`alter table organizations add column operator boolean not null default false`,
  sql`update organizations set operator = true
    where id = (select id from organizations order by created_at, id limit 1)`,
  sql`create unique index organizations_operator on organizations (operator) where operator`,
  sql`alter table api_keys add column replaced_by text`,
  sql`create index api_keys_by_organization on api_keys (organization_id, created_at desc, id desc)`,
  sql`create table users (
    id text primary key,
    organization_id text not null references organizations,
    email text not null,
    name text,
    role text not null check (role in ('owner', 'member', 'viewer')),
    password_hash text,
    oidc_subject text,
    created_at bigint not null,
    last_sign_in_at bigint,
    unique (organization_id, email)
  )`,
  sql`create index users_by_email on users (email, created_at)`,
  sql`create table invitations (
    token_hash text primary key,
    user_id text not null references users on delete cascade,
    created_at bigint not null,
    expires_at bigint not null
  )`,
  sql`create index invitations_by_user on invitations (user_id)`,
  sql`create table sessions (
    id text primary key,
    token_hash text not null unique,
    user_id text not null references users on delete cascade,
    created_at bigint not null,
    expires_at bigint not null
  )`,
  sql`create index sessions_by_user on sessions (user_id)`,
  sql`create index sessions_by_expiry on sessions (expires_at)`,
  sql`create table sign_in_tries (
    bucket text primary key,
    tries integer not null,
    resets_at bigint not null
  )`,
  sql`create index sign_in_tries_by_reset on sign_in_tries (resets_at)`,
  // No references: an entry outlives the key or user it names.
  sql`create table audit_log (
    ordinal bigint generated always as identity primary key,
    id text not null,
    at bigint not null,
    organization_id text not null,
    actor_kind text not null,
    actor_id text,
    actor_name text,
    route text not null,
    objects jsonb not null,
    outcome text not null,
    status integer not null,
    code text,
    ip text,
    request_id text not null
  )`,
  sql`create index audit_log_by_organization on audit_log (organization_id, ordinal desc)`,
  sql`create function audit_log_is_append_only() returns trigger language plpgsql as $$
    begin
      raise exception 'audit_log is append-only';
    end
  $$`,
  sql`create trigger audit_log_append_only before update or delete or truncate on audit_log
    for each statement execute function audit_log_is_append_only()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await statement.execute(db);
}

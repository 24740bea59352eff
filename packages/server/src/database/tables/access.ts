import type { AuditEntry, Role, Scope } from '@banata/protocol';
import type { ColumnType, Generated, JSONColumnType, Selectable } from 'kysely';

export interface OrganizationsTable {
  id: string;
  name: string;
  /** True for the one organization that runs this installation. */
  operator: ColumnType<boolean, boolean | undefined, never>;
  /** Null: the default one of the installation. */
  plan: ColumnType<string | null, string | null | undefined, string | null>;
  created_at: number;
  suspended_at: ColumnType<number | null, number | null | undefined, number | null>;
  suspended_reason: ColumnType<string | null, string | null | undefined, string | null>;
  /** The row stays: audit log, usage and events refer to it. */
  deleted_at: ColumnType<number | null, number | null | undefined, number | null>;
}

export interface ApiKeysTable {
  id: string;
  organization_id: string;
  name: string;
  /** First characters of the key, to tell keys apart in lists. */
  prefix: string;
  /** SHA-256 of the key, hex. The key itself is never stored. */
  hash: string;
  /** Null: full access. */
  scopes: Scope[] | null;
  created_at: number;
  last_used_at: number | null;
  expires_at: number | null;
  revoked_at: number | null;
  /** The key that a rotation made in its place. */
  replaced_by: string | null;
}

/** An account is good for one organization: whoever invites an address gets no way into another one. */
export interface UsersTable {
  id: string;
  organization_id: string;
  /** Lower case. */
  email: string;
  name: string | null;
  role: Role;
  /** Null until an invitation was accepted, and for users of the OpenID Connect provider. */
  password_hash: string | null;
  /** Issuer and subject at the OpenID Connect provider, from the first sign-in there on. */
  oidc_subject: string | null;
  created_at: number;
  last_sign_in_at: number | null;
}

export interface InvitationsTable {
  /** SHA-256, hex. */
  token_hash: string;
  user_id: string;
  created_at: number;
  expires_at: number;
}

export interface SessionsTable {
  id: string;
  /** SHA-256, hex. */
  token_hash: string;
  user_id: string;
  created_at: number;
  expires_at: number;
}

/** Tries to sign in that were not successful, counted per account and per address. */
export interface SignInTriesTable {
  bucket: string;
  tries: number;
  resets_at: number;
}

export interface AuditLogTable {
  ordinal: Generated<number>;
  id: string;
  at: number;
  organization_id: string;
  actor_kind: AuditEntry['actor']['kind'];
  actor_id: string | null;
  actor_name: string | null;
  route: string;
  objects: JSONColumnType<Record<string, unknown>>;
  outcome: AuditEntry['outcome'];
  status: number;
  code: string | null;
  ip: string | null;
  request_id: string;
}

/** Facts of the installation as a whole. */
export interface InstallationTable {
  name: string;
  value: Buffer;
}

export type OrganizationRow = Selectable<OrganizationsTable>;

export type ApiKeyRow = Selectable<ApiKeysTable>;

export type UserRow = Selectable<UsersTable>;

export type AuditRow = Selectable<AuditLogTable>;

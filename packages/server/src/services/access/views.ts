import type { ApiKey, Organization, User } from '@banata/protocol';
import type { ApiKeyRow, OrganizationRow, UserRow } from '../../database/tables/access.ts';

export function toOrganization(
  row: Pick<OrganizationRow, 'id' | 'name' | 'operator' | 'created_at'> & Partial<OrganizationRow>,
): Organization {
  const { plan = null, suspended_at: suspendedAt = null, suspended_reason: suspendedReason = null } = row;
  return {
    id: row.id,
    name: row.name,
    operator: row.operator,
    plan,
    status: suspendedAt === null ? 'active' : 'suspended',
    suspendedAt,
    suspendedReason,
    createdAt: row.created_at,
  };
}

export function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    replacedBy: row.replaced_by,
  };
}

export function toUser(row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    hasPassword: row.password_hash !== null,
    createdAt: row.created_at,
    lastSignInAt: row.last_sign_in_at,
  };
}

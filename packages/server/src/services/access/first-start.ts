import { newId } from '@banata/protocol';
import type { OrganizationStore } from '../../stores/organization-store.ts';
import { newKey } from './api-keys.ts';
import type { Passwords } from './passwords.ts';
import { newPassword } from './tokens.ts';
import { newUser } from './users.ts';

/** Secrets that a first start makes; each is undefined where it was there already. */
export interface FirstSecrets {
  apiKey: string | undefined;
  owner: { email: string; password: string } | undefined;
}

/**
 * At the first start on a database: makes the organization that runs the installation, a key with full access, and an
 * owner. Several servers may do this at once; one of them does it.
 * @param keep writes the secrets where the operator finds them. Nothing is committed before it is done.
 */
export async function firstStart(
  deps: { organizations: OrganizationStore; passwords: Passwords; ownerEmail: string; now: () => number },
  keep: (secrets: FirstSecrets) => Promise<void>,
): Promise<void> {
  const { organizations, passwords, ownerEmail, now: clock } = deps;
  await organizations.createFirst(async (gaps) => {
    if (gaps.hasOwner) return {};
    const now = clock();
    const organization = gaps.organization ?? {
      id: newId(),
      name: 'default',
      created_at: now,
      operator: true,
    };
    const key = gaps.organization
      ? undefined
      : newKey({
          organization_id: organization.id,
          name: 'first key',
          scopes: null,
          expires_at: null,
          created_at: now,
        });
    const password = newPassword();
    const owner = newUser({
      organization_id: organization.id,
      email: ownerEmail,
      name: null,
      role: 'owner',
      now,
    });
    await keep({ apiKey: key?.key, owner: { email: ownerEmail, password } });
    return {
      owner: { ...owner, password_hash: await passwords.hash(password) },
      ...(gaps.organization ? {} : { organization }),
      ...(key ? { key: key.row } : {}),
    };
  });
}

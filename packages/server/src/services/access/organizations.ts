import {
  ApiError,
  newId,
  type CreatedOrganization,
  type CreateOrganization,
  type Identity,
  type Organization,
} from '@banata/protocol';
import type { ApiKeyStore } from '../../stores/api-key-store.ts';
import type { OrganizationStore } from '../../stores/organization-store.ts';
import type { UserStore } from '../../stores/user-store.ts';
import type { Caller } from '../access.ts';
import { newKey } from './api-keys.ts';
import { newInvitation, newUser } from './users.ts';
import { toApiKey, toOrganization, toUser } from './views.ts';

export interface OrganizationServiceDeps {
  organizations: OrganizationStore;
  keys: ApiKeyStore;
  users: UserStore;
  publicUrl: () => string;
  now: () => number;
}

/** The organizations of the installation. */
export class OrganizationService {
  readonly #deps: OrganizationServiceDeps;

  constructor(deps: OrganizationServiceDeps) {
    this.#deps = deps;
  }

  async list(options: {
    limit: number;
    cursor?: string | undefined;
  }): Promise<{ data: Organization[]; nextCursor: string | null }> {
    const { rows, nextCursor } = await this.#deps.organizations.list(options);
    return { data: rows.map(toOrganization), nextCursor };
  }

  async create({ name, ownerEmail }: CreateOrganization): Promise<CreatedOrganization> {
    const now = this.#deps.now();
    const organization = { id: newId(), name, created_at: now, operator: false };
    const { row, key } = newKey({
      organization_id: organization.id,
      name: 'first key',
      scopes: null,
      expires_at: null,
      created_at: now,
    });
    const owner = newUser({
      organization_id: organization.id,
      email: ownerEmail,
      name: null,
      role: 'owner',
      now,
    });
    const invited = newInvitation(now, this.#deps.publicUrl());
    await this.#deps.organizations.create({ organization, key: row, owner, invitation: invited.row });
    return {
      organization: toOrganization(organization),
      apiKey: { ...toApiKey(row), key },
      owner: { user: toUser(owner), invitation: invited.invitation },
    };
  }

  /** Who the caller is. */
  async identify({ organizationId, actor, scopes, operator }: Caller): Promise<Identity> {
    const { organizations, keys, users } = this.#deps;
    const [organization, key, user] = await Promise.all([
      organizations.find(organizationId),
      actor.kind === 'api_key' ? keys.find(organizationId, actor.id) : undefined,
      actor.kind === 'user' ? users.find(organizationId, actor.id) : undefined,
    ]);
    // Removed between the check of the credentials and now.
    if (!organization || !(key ?? user)) throw new ApiError('UNAUTHORIZED');
    return {
      organization: toOrganization(organization),
      user: user ? toUser(user) : null,
      apiKey: key ? toApiKey(key) : null,
      scopes,
      operator,
    };
  }
}

import {
  ApiError,
  newId,
  roleScopes,
  type CreateUser,
  type Invitation,
  type InvitedUser,
  type Role,
  type User,
} from '@banata/protocol';
import type { InvitationsTable, UserRow } from '../../database/tables/access.ts';
import type { UserChange, UserStore } from '../../stores/user-store.ts';
import { requireScopes, type Caller } from '../access.ts';
import { hashToken } from '../secrets.ts';
import { newToken } from './tokens.ts';
import { toUser } from './views.ts';

const INVITATION_MS = 7 * 24 * 3_600_000;

/** The users of an organization. */
export class UserService {
  readonly #store: UserStore;
  readonly #publicUrl: () => string;
  readonly #now: () => number;

  constructor(store: UserStore, publicUrl: () => string, now: () => number) {
    this.#store = store;
    this.#publicUrl = publicUrl;
    this.#now = now;
  }

  async list(caller: Caller): Promise<{ data: User[] }> {
    return { data: (await this.#store.list(caller.organizationId)).map(toUser) };
  }

  async create(caller: Caller, { email, name, role }: CreateUser): Promise<InvitedUser> {
    requireScopes(caller, roleScopes[role]);
    const now = this.#now();
    const user = newUser({ organization_id: caller.organizationId, email, name: name ?? null, role, now });
    const { row, invitation } = newInvitation(now, this.#publicUrl());
    if (!(await this.#store.insert(user, row))) {
      throw new ApiError('CONFLICT', `The organization has a user with the address ${email} already.`, {
        details: { suggestion: 'Make a new invitation for that user with POST /v1/users/invite.' },
      });
    }
    return { user: toUser(user), invitation };
  }

  async invite(caller: Caller, id: string): Promise<InvitedUser> {
    const user = await this.#require(caller, id);
    const { row, invitation } = newInvitation(this.#now(), this.#publicUrl());
    await this.#store.reinvite({ ...row, user_id: user.id });
    return { user: toUser(user), invitation };
  }

  async setRole(caller: Caller, id: string, role: Role): Promise<User> {
    requireScopes(caller, roleScopes[role]);
    const user = await this.#require(caller, id);
    refuse(await this.#store.setRole(caller.organizationId, id, role));
    return toUser({ ...user, role });
  }

  async remove(caller: Caller, id: string): Promise<User> {
    const user = await this.#require(caller, id);
    refuse(await this.#store.remove(caller.organizationId, id));
    return toUser(user);
  }

  /** Whoever changes a user, or gets an invitation for one, must hold all that the user may do. */
  async #require(caller: Caller, id: string): Promise<UserRow> {
    const user = await this.#store.find(caller.organizationId, id);
    if (!user) throw new ApiError('USER_NOT_FOUND');
    requireScopes(caller, roleScopes[user.role]);
    return user;
  }
}

function refuse(change: UserChange): void {
  if (change === 'not_found') throw new ApiError('USER_NOT_FOUND');
  if (change === 'last_owner') {
    throw new ApiError('CONFLICT', 'This is the last owner of the organization.', {
      details: { suggestion: 'Make another user an owner first.' },
    });
  }
}

/** A user who has no password yet. */
export function newUser({
  now,
  ...fields
}: Pick<UserRow, 'organization_id' | 'email' | 'name' | 'role'> & { now: number }): UserRow {
  return {
    ...fields,
    id: newId(),
    password_hash: null,
    oidc_subject: null,
    created_at: now,
    last_sign_in_at: null,
  };
}

/** An invitation for the caller to hand over, and the row that stands for it. */
export function newInvitation(
  now: number,
  publicUrl: string,
): { row: Omit<InvitationsTable, 'user_id'>; invitation: Invitation } {
  const token = newToken('bi_');
  const expiresAt = now + INVITATION_MS;
  return {
    row: { token_hash: hashToken(token), created_at: now, expires_at: expiresAt },
    // Behind the hash sign: browsers keep that part from servers, proxies and their logs.
    invitation: { url: `${publicUrl}/#/invitation/${token}`, token, expiresAt },
  };
}

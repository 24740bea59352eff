import {
  ApiError,
  newId,
  type AcceptInvitation,
  type ChangePassword,
  type SignedIn,
  type SignIn,
  type User,
} from '@banata/protocol';
import type { UserRow } from '../../database/tables/access.ts';
import type { OrganizationStore } from '../../stores/organization-store.ts';
import type { UserStore } from '../../stores/user-store.ts';
import type { Caller } from '../access.ts';
import { hashToken } from '../secrets.ts';
import type { Passwords } from './passwords.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import { newToken } from './tokens.ts';
import { toOrganization, toUser } from './views.ts';

/** Accounts of one address whose passwords are tried; more need the organization's id. */
const MOST_ACCOUNTS = 5;

export interface SignInDeps {
  users: UserStore;
  organizations: OrganizationStore;
  passwords: Passwords;
  limits: SignInLimits;
  sessionMs: number;
  now: () => number;
}

/** A session that has just begun. */
export interface NewSession {
  user: UserRow;
  token: string;
  reply: SignedIn;
}

/** Sessions of people: by password and by invitation. */
export class SignInService {
  readonly #deps: SignInDeps;

  constructor(deps: SignInDeps) {
    this.#deps = deps;
  }

  /** @param note told of the account whose password was tried, also when it was wrong. */
  async signIn(input: SignIn, address: string, note: (user: UserRow) => void): Promise<NewSession> {
    const { users, passwords, limits } = this.#deps;
    return limits.guard(input.email, address, async () => {
      const accounts = await users.findByEmail(input.email, {
        organizationId: input.organizationId,
        limit: MOST_ACCOUNTS,
      });
      const first = accounts[0];
      if (first) note(first);
      const matching: UserRow[] = [];
      for (const account of accounts) {
        if (await passwords.matches(input.password, account.password_hash)) matching.push(account);
      }
      if (accounts.length === 0) await passwords.matches(input.password, null);
      const [user] = matching;
      if (!user) throw new ApiError('SIGN_IN_FAILED');
      if (matching.length > 1) throw await this.#ambiguous(matching);
      note(user);
      return this.begin(user);
    });
  }

  async acceptInvitation(
    { token, password, name }: AcceptInvitation,
    address: string,
    note: (user: UserRow) => void,
  ): Promise<NewSession> {
    const { users, passwords, limits, now } = this.#deps;
    const tokenHash = hashToken(token);
    return limits.guard(`invitation:${tokenHash}`, address, async () => {
      // Before the costly hash: only who has a real invitation gets to make the server work.
      const invited = await users.findInvited(tokenHash, now());
      if (!invited) throw new ApiError('INVITATION_INVALID');
      note(invited);
      const passwordHash = await passwords.hash(password);
      const user = await users.acceptInvitation(tokenHash, { passwordHash, name }, now());
      if (!user) throw new ApiError('INVITATION_INVALID');
      return this.begin(user);
    });
  }

  async changePassword(
    caller: Caller,
    { currentPassword, newPassword }: ChangePassword,
    address: string,
  ): Promise<User> {
    const { users, passwords, limits } = this.#deps;
    const { sessionId, user } = await this.#person(caller);
    return limits.guard(user.email, address, async () => {
      if (!(await passwords.matches(currentPassword, user.password_hash))) {
        throw new ApiError('SIGN_IN_FAILED', 'The current password is wrong');
      }
      const changed = await users.setPassword(user.id, await passwords.hash(newPassword), sessionId);
      if (!changed) throw new ApiError('UNAUTHORIZED');
      return toUser(changed);
    });
  }

  async signOut(caller: Caller, all: boolean): Promise<void> {
    const { sessionId, user } = await this.#person(caller);
    await (all ? this.#deps.users.endSessions(user.id) : this.#deps.users.endSession(sessionId));
  }

  /** Begins a session for a user who has proved who it is. */
  async begin(user: UserRow): Promise<NewSession> {
    const { users, organizations, sessionMs, now } = this.#deps;
    const organization = await organizations.find(user.organization_id);
    if (!organization) throw new Error(`user ${user.id} belongs to an organization`);
    const token = newToken('bs_');
    const createdAt = now();
    const expiresAt = createdAt + sessionMs;
    await users.addSession({
      id: newId(),
      token_hash: hashToken(token),
      user_id: user.id,
      created_at: createdAt,
      expires_at: expiresAt,
    });
    const signedIn = { ...user, last_sign_in_at: createdAt };
    return {
      user,
      token,
      reply: { user: toUser(signedIn), organization: toOrganization(organization), expiresAt },
    };
  }

  async #person({ actor, sessionId, organizationId }: Caller): Promise<{ sessionId: string; user: UserRow }> {
    if (sessionId === null) throw new Error('the contract lets only signed-in users here');
    const user = await this.#deps.users.find(organizationId, actor.id);
    if (!user) throw new ApiError('UNAUTHORIZED');
    return { sessionId, user };
  }

  async #ambiguous(accounts: UserRow[]): Promise<ApiError> {
    const found = await Promise.all(
      accounts.map(({ organization_id }) => this.#deps.organizations.find(organization_id)),
    );
    return new ApiError('CONFLICT', 'This address and password are good for several organizations.', {
      details: {
        organizations: found.filter((row) => row !== undefined).map(({ id, name }) => ({ id, name })),
        suggestion: 'Sign in again with the organizationId of one of them.',
      },
    });
  }
}

import type { Role } from '@banata/protocol';
import type { Database } from '../database/connect.ts';
import type { InvitationsTable, SessionsTable, UserRow } from '../database/tables/access.ts';
import type { Tx } from './event-store.ts';
import { lockOrganization } from './lock-organization.ts';

/** A session with the user and the organization it is for. */
export interface SessionRecord {
  sessionId: string;
  user: UserRow;
  operator: boolean;
  suspended_at: number | null;
  suspended_reason: string | null;
}

export type UserChange = 'done' | 'not_found' | 'last_owner';

/** Rows of users, their invitations and sessions. */
export class UserStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  find(organizationId: string, id: string): Promise<UserRow | undefined> {
    return this.#db
      .selectFrom('users')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** Accounts of an address over all organizations, oldest first, at most `limit`. */
  findByEmail(
    email: string,
    options: { organizationId?: string | undefined; limit: number },
  ): Promise<UserRow[]> {
    let query = this.#db
      .selectFrom('users')
      .selectAll()
      .where('email', '=', email)
      .orderBy('created_at')
      .limit(options.limit);
    if (options.organizationId !== undefined)
      query = query.where('organization_id', '=', options.organizationId);
    return query.execute();
  }

  list(organizationId: string): Promise<UserRow[]> {
    return this.#db
      .selectFrom('users')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
  }

  /** Adds a user. @returns false when the organization has the address already. */
  async insert(user: UserRow, invitation?: Omit<InvitationsTable, 'user_id'>): Promise<boolean> {
    return this.#db.transaction().execute(async (tx) => {
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('users')
        .values(user)
        .onConflict((conflict) => conflict.columns(['organization_id', 'email']).doNothing())
        .executeTakeFirst();
      if (numInsertedOrUpdatedRows === 0n) return false;
      if (invitation)
        await tx
          .insertInto('invitations')
          .values({ ...invitation, user_id: user.id })
          .execute();
      return true;
    });
  }

  /** Puts a new invitation in the place of all earlier ones of the user. */
  async reinvite(invitation: InvitationsTable): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx.deleteFrom('invitations').where('user_id', '=', invitation.user_id).execute();
      await tx.insertInto('invitations').values(invitation).execute();
    });
  }

  /** The user an invitation that has not expired is for. */
  async findInvited(tokenHash: string, now: number): Promise<UserRow | undefined> {
    return this.#db
      .selectFrom('invitations')
      .innerJoin('users', 'users.id', 'invitations.user_id')
      .selectAll('users')
      .where('token_hash', '=', tokenHash)
      .where('expires_at', '>', now)
      .executeTakeFirst();
  }

  /**
   * Uses an invitation up: sets the password and ends all sessions of the user.
   * @returns the user, or undefined when the invitation is gone.
   */
  async acceptInvitation(
    tokenHash: string,
    change: { passwordHash: string; name?: string | undefined },
    now: number,
  ): Promise<UserRow | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const used = await tx
        .deleteFrom('invitations')
        .where('token_hash', '=', tokenHash)
        .where('expires_at', '>', now)
        .returning('user_id')
        .executeTakeFirst();
      if (!used) return undefined;
      await tx.deleteFrom('sessions').where('user_id', '=', used.user_id).execute();
      return tx
        .updateTable('users')
        .set({
          password_hash: change.passwordHash,
          ...(change.name === undefined ? {} : { name: change.name }),
        })
        .where('id', '=', used.user_id)
        .returningAll()
        .executeTakeFirst();
    });
  }

  /** Sets a password and ends all sessions but one. */
  async setPassword(id: string, passwordHash: string, keepSession: string): Promise<UserRow | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      await tx.deleteFrom('sessions').where('user_id', '=', id).where('id', '!=', keepSession).execute();
      await tx.deleteFrom('invitations').where('user_id', '=', id).execute();
      return tx
        .updateTable('users')
        .set({ password_hash: passwordHash })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
    });
  }

  async setRole(organizationId: string, id: string, role: Role): Promise<UserChange> {
    return this.#guardingLastOwner(organizationId, id, role !== 'owner', (tx) =>
      tx.updateTable('users').set({ role }).where('id', '=', id).execute(),
    );
  }

  /** Removes a user with all sessions and invitations. */
  async remove(organizationId: string, id: string): Promise<UserChange> {
    return this.#guardingLastOwner(organizationId, id, true, (tx) =>
      tx.deleteFrom('users').where('id', '=', id).execute(),
    );
  }

  async setSubject(id: string, subject: string): Promise<void> {
    await this.#db.updateTable('users').set({ oidc_subject: subject }).where('id', '=', id).execute();
  }

  async addSession(session: SessionsTable): Promise<void> {
    await this.#db.transaction().execute(async (tx) => {
      await tx.insertInto('sessions').values(session).execute();
      await tx
        .updateTable('users')
        .set({ last_sign_in_at: session.created_at })
        .where('id', '=', session.user_id)
        .execute();
    });
  }

  async findSession(tokenHash: string, now: number): Promise<SessionRecord | undefined> {
    const row = await this.#db
      .selectFrom('sessions')
      .innerJoin('users', 'users.id', 'sessions.user_id')
      .innerJoin('organizations', 'organizations.id', 'users.organization_id')
      .selectAll('users')
      .select([
        'sessions.id as session_id',
        'organizations.operator',
        'organizations.suspended_at',
        'organizations.suspended_reason',
      ])
      .where('organizations.deleted_at', 'is', null)
      .where('sessions.token_hash', '=', tokenHash)
      .where('sessions.expires_at', '>', now)
      .executeTakeFirst();
    if (!row) return undefined;
    const { session_id: sessionId, operator, suspended_at, suspended_reason, ...user } = row;
    return { sessionId, operator, suspended_at, suspended_reason, user };
  }

  async endSession(id: string): Promise<void> {
    await this.#db.deleteFrom('sessions').where('id', '=', id).execute();
  }

  async endSessions(userId: string): Promise<void> {
    await this.#db.deleteFrom('sessions').where('user_id', '=', userId).execute();
  }

  /** Removes sessions and invitations that are over. */
  async removeExpired(now: number): Promise<void> {
    await this.#db.deleteFrom('sessions').where('expires_at', '<=', now).execute();
    await this.#db.deleteFrom('invitations').where('expires_at', '<=', now).execute();
  }

  /** Two owners that remove each other at once must not leave an organization without one. */
  async #guardingLastOwner(
    organizationId: string,
    id: string,
    takesOwnership: boolean,
    change: (tx: Tx) => Promise<unknown>,
  ): Promise<UserChange> {
    return this.#db.transaction().execute(async (tx) => {
      await lockOrganization(tx, organizationId);
      const owners = await tx
        .selectFrom('users')
        .select('id')
        .where('organization_id', '=', organizationId)
        .where('role', '=', 'owner')
        .execute();
      if (takesOwnership && owners.length === 1 && owners[0]?.id === id) return 'last_owner';
      const user = await tx
        .selectFrom('users')
        .select('id')
        .where('organization_id', '=', organizationId)
        .where('id', '=', id)
        .executeTakeFirst();
      if (!user) return 'not_found';
      await change(tx);
      return 'done';
    });
  }
}

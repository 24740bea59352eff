import type { Transport } from './transport.ts';
import type { CallOptions, InvitedUser, Role, User } from './types.ts';

/** Options of {@link Users.create}. */
export interface CreateUserOptions {
  email: string;
  name?: string;
  /** `viewer` sees sandboxes, `member` uses them too, `owner` does everything. */
  role: Role;
}

/** People of the organization. Needs a key with the scope `organization:manage`. */
export class Users {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All of them. @example `const users = await banata.users.list()` */
  async list(options: CallOptions = {}): Promise<User[]> {
    const reply = await this.#transport.json<{ data: User[] }>({
      method: 'GET',
      path: '/v1/users',
      signal: options.signal,
    });
    return reply.data;
  }

  /**
   * Makes an account. The reply holds the invitation link, this once: hand it over, no mail is sent.
   * @throws BanataError `CONFLICT` when the organization has the address already.
   * @example
   * ```ts
   * const { invitation } = await banata.users.create({ email: 'ada@example.com', role: 'member' });
   * console.log(invitation.url);
   * ```
   */
  create(options: CreateUserOptions, call: CallOptions = {}): Promise<InvitedUser> {
    return this.#post('/v1/users', options, call);
  }

  /**
   * A new invitation link, for who lost the first one or the password. Earlier links stop working.
   * @throws BanataError `USER_NOT_FOUND`.
   * @example `const { invitation } = await banata.users.invite(id)`
   */
  invite(id: string, call: CallOptions = {}): Promise<InvitedUser> {
    return this.#post('/v1/users/invite', { id }, call);
  }

  /**
   * Changes what a person may do, from the next request on.
   * @throws BanataError `USER_NOT_FOUND`, `CONFLICT` for the last owner.
   * @example `await banata.users.setRole(id, 'viewer')`
   */
  setRole(id: string, role: Role, call: CallOptions = {}): Promise<User> {
    return this.#post('/v1/users/role', { id, role }, call);
  }

  /**
   * Removes a person and ends all sessions of theirs.
   * @throws BanataError `USER_NOT_FOUND`, `CONFLICT` for the last owner.
   * @example `await banata.users.remove(id)`
   */
  remove(id: string, options: CallOptions = {}): Promise<User> {
    return this.#transport.json({
      method: 'DELETE',
      path: '/v1/users',
      query: { id },
      signal: options.signal,
    });
  }

  #post<T>(path: string, json: object, { signal }: CallOptions): Promise<T> {
    return this.#transport.json({ method: 'POST', path, json, signal });
  }
}

import { ApiError, roleScopes, type RouteDefinition, type Scope } from '@banata/protocol';
import type { ApiKeyStore } from '../stores/api-key-store.ts';
import type { UserStore } from '../stores/user-store.ts';
import { hashToken } from './secrets.ts';

/** How long a key that was found is taken as valid without asking again; a revoked key works at most this long. */
const CACHE_MS = 5_000;
const MAX_CACHED = 10_000;

/** The key or person a request comes from, as the audit log names it. */
interface Actor {
  kind: 'api_key' | 'user';
  id: string;
  /** Name of the key, address of the user. */
  name: string;
}

/** Who makes a request. */
export interface Caller {
  organizationId: string;
  actor: Actor;
  /** Null: all. */
  scopes: Scope[] | null;
  /** Whether the caller belongs to the organization that runs the installation, and may use its routes. */
  operator: boolean;
  /** Of a signed-in user. */
  sessionId: string | null;
  /** Set while the caller's organization is suspended. */
  suspended: { at: number; reason: string | null } | null;
}

/** Who a request comes from, and what it may do. */
export class AccessService {
  readonly #keys: ApiKeyStore;
  readonly #users: UserStore;
  readonly #now: () => number;
  readonly #cache = new Map<string, { caller: Caller; until: number }>();
  /** Grows with each revocation, so that a look-up that began before it does not fill the cache after it. */
  #revocations = 0;

  constructor(keys: ApiKeyStore, users: UserStore, now: () => number) {
    this.#keys = keys;
    this.#users = users;
    this.#now = now;
  }

  /**
   * @param authorization Bearer, or Basic with the key as the password, for programs that know no other way.
   * @throws {ApiError} UNAUTHORIZED.
   */
  async byKey(authorization: string): Promise<Caller> {
    const key = /^(?:br_live_[a-z0-9]{32})$/i.exec(credentialOf(authorization))?.[0];
    const caller = key === undefined ? undefined : await this.#find(hashToken(key));
    if (!caller) throw new ApiError('UNAUTHORIZED');
    return caller;
  }

  /** Reads the session each time: a sign-out or a change of role holds at once on all servers. */
  async bySession(token: string): Promise<Caller> {
    const session = await this.#users.findSession(hashToken(token), this.#now());
    if (!session) {
      throw new ApiError('UNAUTHORIZED', 'The session has ended', {
        details: { suggestion: 'Sign in again.' },
      });
    }
    const { user, operator, sessionId } = session;
    return {
      organizationId: user.organization_id,
      actor: { kind: 'user', id: user.id, name: user.email },
      scopes: roleScopes[user.role],
      operator: operator && user.role === 'owner',
      sessionId,
      suspended: suspension(session),
    };
  }

  /** Forgets what is remembered of keys, after one was revoked or replaced, or an organization was suspended. */
  forgetKeys(): void {
    this.#revocations += 1;
    this.#cache.clear();
  }

  async #find(hash: string): Promise<Caller | undefined> {
    const now = this.#now();
    const cached = this.#cache.get(hash);
    if (cached && cached.until > now) return cached.caller;
    this.#cache.delete(hash);
    const before = this.#revocations;
    const record = await this.#keys.findUsable(hash, now);
    if (!record) return undefined;
    const caller: Caller = {
      organizationId: record.organization_id,
      actor: { kind: 'api_key', id: record.id, name: record.name },
      scopes: record.scopes,
      operator: record.operator,
      sessionId: null,
      suspended: suspension(record),
    };
    await this.#keys.markUsed(record.id, now);
    if (before !== this.#revocations) return caller;
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(hash, { caller, until: Math.min(now + CACHE_MS, record.expires_at ?? Infinity) });
    return caller;
  }
}

function credentialOf(authorization: string): string {
  const [scheme = '', value = ''] = authorization.split(' ', 2);
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return '';
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

function suspension(row: {
  suspended_at: number | null;
  suspended_reason: string | null;
}): Caller['suspended'] {
  return row.suspended_at === null ? null : { at: row.suspended_at, reason: row.suspended_reason };
}

/** @throws {ApiError} ORGANIZATION_SUSPENDED with the operator's reason. */
export function requireActive({ suspended }: Caller): void {
  if (!suspended) return;
  const { at, reason } = suspended;
  const message = reason === null ? undefined : `The organization is suspended: ${reason}`;
  throw new ApiError('ORGANIZATION_SUSPENDED', message, { details: { reason, suspendedAt: at } });
}

/** @throws {ApiError} ORGANIZATION_SUSPENDED, PERMISSION_DENIED when the caller may not use the route. */
export function requirePermission(
  caller: Caller,
  route: Pick<RouteDefinition, 'auth' | 'operator' | 'whileSuspended'>,
): void {
  const { auth, operator } = route;
  if (!route.whileSuspended) requireActive(caller);
  if (operator && !caller.operator) {
    throw new ApiError('PERMISSION_DENIED', 'Only the organization that runs this installation may do this', {
      details: { requiredRole: 'operator', suggestion: 'Ask the operator of this installation.' },
    });
  }
  if (auth === 'user' && caller.sessionId === null) {
    throw new ApiError('PERMISSION_DENIED', 'Only a signed-in user can do this, not an API key', {
      details: { requiredRole: 'user', suggestion: 'Sign in with POST /v1/auth/sign-in.' },
    });
  }
  if (auth !== 'any' && auth !== 'user' && auth !== 'link' && auth !== 'none') requireScopes(caller, [auth]);
}

/**
 * Used before giving scopes to others: nobody gives what they do not hold. `wanted` null stands for all.
 * @throws {ApiError} PERMISSION_DENIED naming the first scope that is missing.
 */
export function requireScopes(caller: Caller, wanted: readonly Scope[] | null): void {
  if (caller.scopes === null) return;
  if (wanted === null) {
    throw new ApiError('PERMISSION_DENIED', 'Only a caller with full access can give full access', {
      details: { requiredScope: null, suggestion: 'Name the scopes to give, or use a key with full access.' },
    });
  }
  const held = caller.scopes;
  const missing = wanted.find((scope) => !held.includes(scope));
  if (missing !== undefined) {
    throw new ApiError('PERMISSION_DENIED', undefined, { details: { requiredScope: missing } });
  }
}

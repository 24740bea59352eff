import { ApiError, newId, randomText, type Scope } from '@banata/protocol';
import type { AccessStore } from '../stores/access-store.ts';
import { hashToken } from './secrets.ts';

const KEY_PREFIX = 'br_live_';
const KEY_LENGTH = 32;
/** How long a key that was found is taken as valid without asking again; a revoked key works at most this long. */
const CACHE_MS = 5_000;
const MAX_CACHED = 10_000;

/** Who makes a request. */
export interface Caller {
  organizationId: string;
  keyId: string;
  /** Null: all. */
  scopes: Scope[] | null;
}

/** API keys: who a request comes from, and what it may do. */
export class AccessService {
  readonly #store: AccessStore;
  readonly #now: () => number;
  readonly #cache = new Map<string, { caller: Caller; until: number }>();

  constructor(store: AccessStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** @throws {ApiError} UNAUTHORIZED, PERMISSION_DENIED. */
  async authenticate(authorization: string | undefined, scope: Scope): Promise<Caller> {
    const key = /^Bearer (br_live_[a-z0-9]{32})$/.exec(authorization ?? '')?.[1];
    if (key === undefined) throw new ApiError('UNAUTHORIZED');
    const caller = await this.#find(hashToken(key));
    if (!caller) throw new ApiError('UNAUTHORIZED');
    if (caller.scopes && !caller.scopes.includes(scope)) {
      throw new ApiError('PERMISSION_DENIED', undefined, { details: { requiredScope: scope } });
    }
    return caller;
  }

  /**
   * At the very first start: makes an organization and a key with full access.
   * @returns the key, which is shown now and never again; undefined when there is an organization already.
   */
  async ensureFirstOrganization(): Promise<string | undefined> {
    if (await this.#store.hasOrganization()) return undefined;
    const key = KEY_PREFIX + randomText(KEY_LENGTH, 'abcdefghijklmnopqrstuvwxyz0123456789');
    const now = this.#now();
    const organizationId = newId();
    await this.#store.createOrganization(
      { id: organizationId, name: 'default', now },
      {
        id: newId(),
        organization_id: organizationId,
        name: 'first key',
        prefix: key.slice(0, KEY_PREFIX.length + 4),
        hash: hashToken(key),
        scopes: null,
        created_at: now,
        last_used_at: null,
        expires_at: null,
        revoked_at: null,
      },
    );
    return key;
  }

  async #find(hash: string): Promise<Caller | undefined> {
    const now = this.#now();
    const cached = this.#cache.get(hash);
    if (cached && cached.until > now) return cached.caller;
    this.#cache.delete(hash);
    const record = await this.#store.findKey(hash, now);
    if (!record) return undefined;
    const caller = { organizationId: record.organization_id, keyId: record.id, scopes: record.scopes };
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(hash, { caller, until: now + CACHE_MS });
    await this.#store.markUsed(record.id, now);
    return caller;
  }
}

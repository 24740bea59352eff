import {
  ApiError,
  newId,
  type ApiKey,
  type CreateApiKey,
  type NewApiKey,
  type RotateApiKey,
} from '@banata/protocol';
import type { ApiKeyRow } from '../../database/tables/access.ts';
import type { ApiKeyStore } from '../../stores/api-key-store.ts';
import { requireScopes, type AccessService, type Caller } from '../access.ts';
import { hashToken } from '../secrets.ts';
import { keyPrefix, newApiKeyText } from './tokens.ts';
import { toApiKey } from './views.ts';

/** Usable keys of one organization. */
const MOST_KEYS = 500;

/** Making, rotating and revoking API keys. */
export class ApiKeyService {
  readonly #store: ApiKeyStore;
  readonly #access: AccessService;
  readonly #now: () => number;

  constructor(store: ApiKeyStore, access: AccessService, now: () => number) {
    this.#store = store;
    this.#access = access;
    this.#now = now;
  }

  async list(
    caller: Caller,
    options: { limit: number; cursor?: string | undefined },
  ): Promise<{ data: ApiKey[]; nextCursor: string | null }> {
    const { rows, nextCursor } = await this.#store.list(caller.organizationId, options);
    return { data: rows.map(toApiKey), nextCursor };
  }

  async create(caller: Caller, { name, scopes, expiresAt }: CreateApiKey): Promise<NewApiKey> {
    requireScopes(caller, scopes ?? null);
    this.#requireFuture(expiresAt);
    const { row, key } = newKey({
      organization_id: caller.organizationId,
      name,
      scopes: scopes ? [...new Set(scopes)] : null,
      expires_at: expiresAt ?? null,
      created_at: this.#now(),
    });
    if (!(await this.#store.insert(row, MOST_KEYS))) {
      throw new ApiError('CONFLICT', `The organization has ${MOST_KEYS} usable API keys, its most.`, {
        details: { suggestion: 'Revoke keys that are no longer used.' },
      });
    }
    return { ...toApiKey(row), key };
  }

  async rotate(caller: Caller, { id, overlapMs, expiresAt }: RotateApiKey): Promise<NewApiKey> {
    const old = await this.#store.find(caller.organizationId, id);
    if (!old) throw new ApiError('API_KEY_NOT_FOUND');
    // The reply holds a key with the scopes of the old one, which may be more than the caller's.
    requireScopes(caller, old.scopes);
    this.#requireFuture(expiresAt);
    const now = this.#now();
    const lifetime = old.expires_at === null ? null : old.expires_at - old.created_at;
    const { row, key } = newKey({
      organization_id: caller.organizationId,
      name: old.name,
      scopes: old.scopes,
      expires_at: expiresAt ?? (lifetime === null ? null : now + lifetime),
      created_at: now,
    });
    if (!(await this.#store.replace(old.id, row, now + overlapMs))) {
      throw new ApiError('CONFLICT', 'This key is revoked, has expired or was rotated already.', {
        details: { suggestion: 'Rotate the key that replaced it, or create a new one.' },
      });
    }
    this.#access.forgetKeys();
    return { ...toApiKey(row), key };
  }

  async revoke(caller: Caller, id: string): Promise<ApiKey> {
    const row = await this.#store.revoke(caller.organizationId, id, this.#now());
    if (!row) throw new ApiError('API_KEY_NOT_FOUND');
    this.#access.forgetKeys();
    return toApiKey(row);
  }

  #requireFuture(expiresAt: number | undefined): void {
    if (expiresAt !== undefined && expiresAt <= this.#now()) {
      throw new ApiError(
        'INVALID_REQUEST',
        `Invalid expiresAt: ${expiresAt}. It must be in the future, epoch ms.`,
        {
          details: { field: 'expiresAt' },
        },
      );
    }
  }
}

/** A key and the row that stands for it. */
export function newKey(
  fields: Pick<ApiKeyRow, 'organization_id' | 'name' | 'scopes' | 'expires_at' | 'created_at'>,
): { row: ApiKeyRow; key: string } {
  const key = newApiKeyText();
  return {
    key,
    row: {
      ...fields,
      id: newId(),
      prefix: keyPrefix(key),
      hash: hashToken(key),
      last_used_at: null,
      revoked_at: null,
      replaced_by: null,
    },
  };
}

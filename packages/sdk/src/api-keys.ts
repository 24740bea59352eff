import type { Transport } from './transport.ts';
import type { ApiKey, ApiKeyPage, CallOptions, NewApiKey, Scope } from './types.ts';

/** Options of {@link ApiKeys.create}. */
export interface CreateApiKeyOptions {
  /** At most 100 characters. */
  name: string;
  /** Default: full access. A key cannot grant scopes that it does not hold. */
  scopes?: Scope[];
  /** Epoch ms. Default: never. */
  expiresAt?: number;
}

/** Options of {@link ApiKeys.rotate}. */
export interface RotateApiKeyOptions extends CallOptions {
  /** How long the old key goes on working, ms, at most 7 days. Default 0: it ends at once. */
  overlapMs?: number;
  /** Of the new key, epoch ms. Default: it lives as long as the old one was made to live. */
  expiresAt?: number;
}

/** API keys of the organization. Needs a key with the scope `api_keys:manage`. */
export class ApiKeys {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * A page of keys, newest first, revoked and expired ones included.
   * @param options `limit`: default 50, at most 200.
   * @example
   * ```ts
   * const { data, nextCursor } = await banata.apiKeys.list();
   * ```
   */
  list(options: CallOptions & { limit?: number; cursor?: string } = {}): Promise<ApiKeyPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/api-keys', query, signal });
  }

  /**
   * Creates a key. The reply holds the key itself as `key`, this once.
   * @throws BanataError `PERMISSION_DENIED` when it would hold more than the key that makes it.
   * @example
   * ```ts
   * const { key } = await banata.apiKeys.create({ name: 'reader', scopes: ['sandbox_sessions:read'] });
   * ```
   */
  create(options: CreateApiKeyOptions, call: CallOptions = {}): Promise<NewApiKey> {
    return this.#transport.json({ method: 'POST', path: '/v1/api-keys', json: options, signal: call.signal });
  }

  /**
   * Replaces a key by a new one with the same name and scopes. The reply holds the new key as `key`, this once.
   * @throws BanataError `API_KEY_NOT_FOUND`, `CONFLICT` when it is revoked, expired or was rotated already.
   * @example
   * ```ts
   * const { key } = await banata.apiKeys.rotate(id, { overlapMs: 3_600_000 });
   * ```
   */
  rotate(id: string, options: RotateApiKeyOptions = {}): Promise<NewApiKey> {
    const { signal, ...json } = options;
    return this.#transport.json({
      method: 'POST',
      path: '/v1/api-keys/rotate',
      json: { id, ...json },
      signal,
    });
  }

  /**
   * Ends a key: at once on the server that answers, within 5 s on others. Revoking again is no error.
   * @throws BanataError `API_KEY_NOT_FOUND`.
   * @example
   * ```ts
   * await banata.apiKeys.revoke(id);
   * ```
   */
  revoke(id: string, options: CallOptions = {}): Promise<ApiKey> {
    return this.#transport.json({
      method: 'DELETE',
      path: '/v1/api-keys',
      query: { id },
      signal: options.signal,
    });
  }
}

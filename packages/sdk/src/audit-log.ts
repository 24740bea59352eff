import type { Transport } from './transport.ts';
import type { AuditPage, CallOptions } from './types.ts';

/** Options of {@link AuditLog.list}. */
export interface ListAuditOptions extends CallOptions {
  /** Only this route, such as `apiKeys.create`. */
  route?: string;
  /** Only this key or user. */
  actorId?: string;
  /** Default 100, at most 500. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

/** Who did what in the organization. Needs a key with the scope `audit:read`. */
export class AuditLog {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * A page of requests that changed something, or tried to, newest first.
   * @example
   * ```ts
   * const { data } = await banata.auditLog.list({ route: 'apiKeys.create' });
   * ```
   */
  list(options: ListAuditOptions = {}): Promise<AuditPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/audit', query, signal });
  }
}

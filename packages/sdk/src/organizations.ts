import type { Transport } from './transport.ts';
import type {
  CallOptions,
  CreatedOrganization,
  DeletedOrganization,
  Organization,
  OrganizationPage,
  OrganizationPlan,
} from './types.ts';

/** Options of {@link Organizations.create}. */
export interface CreateOrganizationOptions {
  /** At most 100 characters. */
  name: string;
  /** Of its first owner, who gets an invitation. */
  ownerEmail: string;
}

/**
 * All organizations of the installation. Only for keys of the organization that runs it, with the scope
 * `organizations:manage`.
 */
export class Organizations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * A page, oldest first.
   * @param options `limit`: default 50, at most 200.
   * @example `const { data, nextCursor } = await banata.organizations.list()`
   */
  list(options: CallOptions & { limit?: number; cursor?: string } = {}): Promise<OrganizationPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/organizations', query, signal });
  }

  /**
   * Makes an organization. The reply holds its first API key and the invitation of its owner, this once.
   * @example
   * ```ts
   * const { apiKey, owner } = await banata.organizations.create({ name: 'Acme', ownerEmail: 'ada@acme.example' });
   * console.log(apiKey.key, owner.invitation.url);
   * ```
   */
  create(options: CreateOrganizationOptions, call: CallOptions = {}): Promise<CreatedOrganization> {
    return this.#post('/v1/organizations', options, call);
  }

  /**
   * Gives an organization a plan; null: the default one of the installation. Sandboxes that run go on.
   * @throws BanataError `ORGANIZATION_NOT_FOUND`, `INVALID_REQUEST` naming the plans there are.
   * @example `await banata.organizations.setPlan(id, 'pro')`
   */
  setPlan(id: string, plan: string | null, call: CallOptions = {}): Promise<OrganizationPlan> {
    return this.#post('/v1/organizations/plan', { id, plan }, call);
  }

  /**
   * Ends its sandboxes and refuses its requests with 403 `ORGANIZATION_SUSPENDED` and the reason.
   * @throws BanataError `ORGANIZATION_NOT_FOUND`, `CONFLICT` for the one that runs the installation.
   * @example `await banata.organizations.suspend(id, { reason: 'The invoice of May is open.' })`
   */
  suspend(id: string, options: CallOptions & { reason?: string } = {}): Promise<Organization> {
    const { signal, ...rest } = options;
    return this.#post('/v1/organizations/suspend', { id, ...rest }, signal ? { signal } : {});
  }

  /**
   * Lets a suspended organization work again.
   * @throws BanataError `ORGANIZATION_NOT_FOUND`.
   * @example `await banata.organizations.resume(id)`
   */
  resume(id: string, call: CallOptions = {}): Promise<Organization> {
    return this.#post('/v1/organizations/resume', { id }, call);
  }

  /**
   * Deletes an organization for good: its sandboxes end, its keys are revoked, its people and webhooks are removed.
   * @throws BanataError `ORGANIZATION_NOT_FOUND`, `CONFLICT` for the one that runs the installation.
   * @example `await banata.organizations.delete(id)`
   */
  delete(id: string, options: CallOptions = {}): Promise<DeletedOrganization> {
    return this.#transport.json({
      method: 'DELETE',
      path: '/v1/organizations',
      query: { id },
      signal: options.signal,
    });
  }

  #post<T>(path: string, json: object, { signal }: CallOptions): Promise<T> {
    return this.#transport.json({ method: 'POST', path, json, signal });
  }
}

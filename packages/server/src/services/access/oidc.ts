import type { OidcConfig } from '@banata/config';
import { ApiError } from '@banata/protocol';
import type { Configuration } from 'openid-client';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { z } from 'zod';
import type { UserRow } from '../../database/tables/access.ts';
import type { Logger } from '../../logger.ts';
import type { OrganizationStore } from '../../stores/organization-store.ts';
import type { UserStore } from '../../stores/user-store.ts';
import type { Secrets } from '../secrets.ts';
import { newUser } from './users.ts';

const SEAL_CONTEXT = 'openid connect sign-in';
/** How long a person may take at the provider. */
const MAX_AGE_MS = 10 * 60_000;
const TIMEOUT_S = 10;

const pendingSchema = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  organizationId: z.string().optional(),
  expiresAt: z.number(),
});

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  email: z
    .string()
    .max(254)
    .transform((email) => email.trim().toLowerCase()),
  email_verified: z.boolean().optional(),
  name: z.string().optional(),
});
type Claims = z.infer<typeof claimsSchema>;

export interface OidcDeps {
  settings: OidcConfig | undefined;
  users: UserStore;
  organizations: OrganizationStore;
  secrets: Secrets;
  publicUrl: () => string;
  logger: Logger;
  now: () => number;
}

/**
 * Sign-in with an OpenID Connect provider: authorization code flow with PKCE, state and nonce. What the answer is
 * checked against travels sealed in a cookie, so that any server can take the answer.
 */
export class OidcService {
  readonly #deps: OidcDeps;
  #configuration: Promise<Configuration> | undefined;

  constructor(deps: OidcDeps) {
    this.#deps = deps;
  }

  get available(): boolean {
    return this.#deps.settings !== undefined;
  }

  /** @throws {ApiError} SIGN_IN_METHOD_UNAVAILABLE. */
  async start(
    organizationId: string | undefined,
  ): Promise<{ url: string; sealed: string; maxAgeMs: number }> {
    const configuration = await this.#discover();
    const pending = {
      state: randomState(),
      nonce: randomNonce(),
      verifier: randomPKCECodeVerifier(),
      expiresAt: this.#deps.now() + MAX_AGE_MS,
      ...(organizationId === undefined ? {} : { organizationId }),
    };
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: this.#redirectUri(),
      scope: 'openid email profile',
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
    });
    const sealed = this.#deps.secrets.seal(JSON.stringify(pending), SEAL_CONTEXT).toString('base64url');
    return { url: url.href, sealed, maxAgeMs: MAX_AGE_MS };
  }

  /**
   * The user the provider's answer is about.
   * @param search query of the callback, with its question mark.
   * @throws {ApiError} SIGN_IN_METHOD_UNAVAILABLE, SIGN_IN_FAILED.
   */
  async finish(search: string, sealed: string | undefined): Promise<UserRow> {
    const configuration = await this.#discover();
    const pending = this.#open(sealed);
    const claims = await this.#exchange(configuration, search, pending);
    if (claims.email_verified !== true && !this.#settings().trustEmail) {
      throw failed('The provider does not say that your e-mail address is verified.');
    }
    return this.#account(claims, pending.organizationId);
  }

  async #exchange(
    configuration: Configuration,
    search: string,
    pending: z.infer<typeof pendingSchema>,
  ): Promise<Claims> {
    try {
      const tokens = await authorizationCodeGrant(configuration, new URL(this.#redirectUri() + search), {
        pkceCodeVerifier: pending.verifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      });
      return claimsSchema.parse(tokens.claims());
    } catch (cause) {
      this.#deps.logger.warn({ event: 'oidc.refused', err: cause }, 'the answer of the provider was refused');
      throw failed('The provider’s answer could not be used.', cause);
    }
  }

  async #account(claims: Claims, organizationId: string | undefined): Promise<UserRow> {
    const { users } = this.#deps;
    const subject = `${claims.iss} ${claims.sub}`;
    const accounts = await users.findByEmail(claims.email, { organizationId, limit: 50 });
    // An address that was given to somebody else must not lead to the account of who had it before.
    const usable = accounts.filter(({ oidc_subject }) => oidc_subject === null || oidc_subject === subject);
    const found =
      usable[0] ?? (accounts.length === 0 ? await this.#newcomer(claims, organizationId) : undefined);
    if (!found)
      throw failed('There is no account for you here; ask an owner of the organization for an invitation.');
    if (found.oidc_subject === null) await users.setSubject(found.id, subject);
    return found;
  }

  async #newcomer(claims: Claims, organizationId: string | undefined): Promise<UserRow | undefined> {
    const { users, organizations, now } = this.#deps;
    const { newcomers } = this.#settings();
    if (!newcomers || (organizationId !== undefined && organizationId !== newcomers.organizationId))
      return undefined;
    if (!(await organizations.find(newcomers.organizationId))) {
      throw new Error(
        `BANATA_OIDC_ORGANIZATION names ${newcomers.organizationId}, and there is no such organization.`,
      );
    }
    const user = newUser({
      organization_id: newcomers.organizationId,
      email: claims.email,
      name: claims.name?.slice(0, 100) ?? null,
      role: newcomers.role,
      now: now(),
    });
    if (await users.insert(user)) return user;
    // Another sign-in of the same person was faster.
    const [other] = await users.findByEmail(claims.email, {
      organizationId: newcomers.organizationId,
      limit: 1,
    });
    return other;
  }

  #open(sealed: string | undefined): z.infer<typeof pendingSchema> {
    try {
      const text = this.#deps.secrets.open(Buffer.from(sealed ?? '', 'base64url'), SEAL_CONTEXT);
      const pending = pendingSchema.parse(JSON.parse(text));
      if (pending.expiresAt > this.#deps.now()) return pending;
    } catch (cause) {
      throw failed('This sign-in was not begun in this browser.', cause);
    }
    throw failed('This sign-in took too long.');
  }

  #settings(): OidcConfig {
    const { settings } = this.#deps;
    if (!settings) throw new ApiError('SIGN_IN_METHOD_UNAVAILABLE');
    return settings;
  }

  #redirectUri(): string {
    return `${this.#deps.publicUrl()}/v1/auth/oidc/callback`;
  }

  /** The provider's metadata, read once; again after a failure. */
  async #discover(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings();
    const server = new URL(issuer);
    this.#configuration ??= discovery(server, clientId, clientSecret, undefined, {
      timeout: TIMEOUT_S,
      // A plain-http provider is the operator's own choice, such as one on this machine.
      execute: server.protocol === 'http:' ? [allowInsecureRequests] : [],
    });
    try {
      return await this.#configuration;
    } catch (cause) {
      this.#configuration = undefined;
      this.#deps.logger.error({ event: 'oidc.discovery_failed', err: cause }, 'the provider did not answer');
      throw failed('The OpenID Connect provider did not answer.', cause);
    }
  }
}

function failed(message: string, cause?: unknown): ApiError {
  return new ApiError('SIGN_IN_FAILED', message, {
    cause,
    details: { suggestion: 'Begin again at /v1/auth/oidc/start, or sign in with a password.' },
  });
}

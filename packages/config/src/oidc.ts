import { z } from 'zod';
import { ConfigError } from './config-error.ts';

const flag = z.stringbool();

/** Settings of sign-in with an OpenID Connect provider. */
export const oidcSettings = {
  BANATA_OIDC_ISSUER: z
    .url()
    .optional()
    .describe('OpenID Connect provider for sign-in to the dashboard. Default: passwords only.'),
  BANATA_OIDC_CLIENT_ID: z.string().optional().describe('Client id at the provider.'),
  BANATA_OIDC_CLIENT_SECRET: z.string().optional().describe('Client secret at the provider.'),
  BANATA_OIDC_TRUST_EMAIL: flag
    .default(false)
    .describe('Take addresses as verified where the provider does not say whether they are.'),
  BANATA_OIDC_ORGANIZATION: z
    .string()
    .optional()
    .describe(
      'Id of the organization in which people get an account at their first sign-in at the provider. Default: only people who were invited sign in.',
    ),
  BANATA_OIDC_ROLE: z
    .enum(['owner', 'member', 'viewer'])
    .default('viewer')
    .describe('Role of such an account.'),
};

type OidcSettings = z.output<z.ZodObject<typeof oidcSettings>>;

/** Sign-in with an OpenID Connect provider. */
export interface OidcConfig {
  issuer: string;
  clientId: string;
  clientSecret: string;
  trustEmail: boolean;
  /** Where people without an invitation get an account, and as what. */
  newcomers: { organizationId: string; role: OidcSettings['BANATA_OIDC_ROLE'] } | undefined;
}

/** @throws {ConfigError} when client id or secret are missing. */
export function oidcConfig(s: OidcSettings): OidcConfig | undefined {
  if (s.BANATA_OIDC_ISSUER === undefined) return undefined;
  if (s.BANATA_OIDC_CLIENT_ID === undefined || s.BANATA_OIDC_CLIENT_SECRET === undefined) {
    throw new ConfigError(
      'BANATA_OIDC_ISSUER needs BANATA_OIDC_CLIENT_ID and BANATA_OIDC_CLIENT_SECRET beside it. See docs/access.md.',
    );
  }
  return {
    issuer: s.BANATA_OIDC_ISSUER,
    clientId: s.BANATA_OIDC_CLIENT_ID,
    clientSecret: s.BANATA_OIDC_CLIENT_SECRET,
    trustEmail: s.BANATA_OIDC_TRUST_EMAIL,
    newcomers:
      s.BANATA_OIDC_ORGANIZATION === undefined
        ? undefined
        : { organizationId: s.BANATA_OIDC_ORGANIZATION, role: s.BANATA_OIDC_ROLE },
  };
}

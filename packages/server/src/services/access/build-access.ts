import type { Config } from '@banata/config';
import type { Logger } from '../../logger.ts';
import type { ApiKeyStore } from '../../stores/api-key-store.ts';
import type { AuditStore } from '../../stores/audit-store.ts';
import type { OrganizationStore } from '../../stores/organization-store.ts';
import type { SignInTriesStore } from '../../stores/sign-in-tries-store.ts';
import type { UserStore } from '../../stores/user-store.ts';
import { AccessService } from '../access.ts';
import type { Secrets } from '../secrets.ts';
import { ApiKeyService } from './api-keys.ts';
import { AuditLog } from './audit-log.ts';
import { firstStart, type FirstSecrets } from './first-start.ts';
import { OidcService } from './oidc.ts';
import { OrganizationService } from './organizations.ts';
import { Passwords } from './passwords.ts';
import { SignInLimits } from './sign-in-limits.ts';
import { SignInService } from './sign-in.ts';
import { UserService } from './users.ts';

export interface AccessStores {
  organizations: OrganizationStore;
  keys: ApiKeyStore;
  users: UserStore;
  signInTries: SignInTriesStore;
  audit: AuditStore;
}

export interface AccessServices {
  access: AccessService;
  apiKeys: ApiKeyService;
  users: UserService;
  organizations: OrganizationService;
  signIn: SignInService;
  oidc: OidcService;
  auditLog: AuditLog;
  /** Makes what a new database lacks; `keep` writes the secrets down before anything is committed. */
  firstStart: (keep: (secrets: FirstSecrets) => Promise<void>) => Promise<void>;
  /** Removes sessions, invitations and counters that are over. */
  removeExpired: () => Promise<void>;
}

/** Everything about who may do what. */
export function buildAccess(deps: {
  stores: AccessStores;
  config: Pick<Config, 'access'>;
  secrets: Secrets;
  publicUrl: () => string;
  logger: Logger;
  now: () => number;
}): AccessServices {
  const { stores, config, secrets, publicUrl, logger, now } = deps;
  const { organizations, keys, users } = stores;
  const passwords = new Passwords();
  const access = new AccessService(keys, users, now);
  return {
    access,
    apiKeys: new ApiKeyService(keys, access, now),
    users: new UserService(users, publicUrl, now),
    organizations: new OrganizationService({ organizations, keys, users, publicUrl, now }),
    signIn: new SignInService({
      users,
      organizations,
      passwords,
      limits: new SignInLimits(stores.signInTries, now),
      sessionMs: config.access.sessionMs,
      now,
    }),
    oidc: new OidcService({ ...deps, settings: config.access.oidc, users, organizations, secrets }),
    auditLog: new AuditLog(stores.audit, logger),
    firstStart: (keep) =>
      firstStart({ organizations, passwords, ownerEmail: config.access.ownerEmail, now }, keep),
    removeExpired: async () => {
      await users.removeExpired(now());
      await stores.signInTries.removeExpired(now());
    },
  };
}

import {
  DEFAULT_NETWORK,
  newId,
  normalizeCapabilities,
  networkSchema,
  capabilitiesSchema,
  type Proxy,
} from '@banata/protocol';
import type { Insertable } from 'kysely';
import type { SandboxesTable } from '../../database/tables/sandboxes.ts';
import type { Secrets } from '../secrets.ts';
import { newBrowserRow } from './browser-row.ts';

/** The row of a sandbox as it is first written. */
export type NewSandboxRow = Insertable<SandboxesTable> & { lease_owner: string; lease_until: number };

/**
 * The browser session that a new sandbox asks for beside it, if it does: under the sandbox's network rules, isolation
 * and proxy, and with the most memory there is, since an agent drives it.
 */
export function pairedBrowserRow(
  sandbox: NewSandboxRow,
  { proxy, secrets }: { proxy: Proxy | undefined; secrets: Secrets },
): Insertable<SandboxesTable> | undefined {
  const asked = capabilitiesSchema.nullable().parse(JSON.parse(sandbox.capabilities ?? 'null'));
  const { browser } = normalizeCapabilities(asked);
  if (browser.mode !== 'paired-banata-browser') return undefined;
  return newBrowserRow(
    {
      id: newId(),
      organizationId: sandbox.organization_id,
      settings: { weight: 'heavy', isolation: 'shared', egressProfile: proxy ? 'byo-proxy' : 'shared-dc' },
      browser,
      proxy,
      network:
        sandbox.network === undefined ? DEFAULT_NETWORK : networkSchema.parse(JSON.parse(sandbox.network)),
      isolation: sandbox.isolation,
      pairedWith: sandbox.id,
      region: sandbox.region,
      createdAt: sandbox.created_at,
      expiresAt: sandbox.expires_at,
      lease: { lease_owner: sandbox.lease_owner, lease_until: sandbox.lease_until },
    },
    secrets,
  );
}

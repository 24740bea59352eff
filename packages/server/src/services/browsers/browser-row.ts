import {
  DEFAULT_NETWORK,
  type Capabilities,
  type CapabilitiesInput,
  type Isolation,
  type Network,
  type Proxy,
} from '@banata/protocol';
import type { Insertable } from 'kysely';
import type { BrowserSettings, SandboxesTable } from '../../database/tables/sandboxes.ts';
import { storableJson } from '../../stores/text.ts';
import type { Secrets } from '../secrets.ts';

/** What the row of a browser session is made of. */
export interface NewBrowser {
  id: string;
  organizationId: string;
  settings: BrowserSettings;
  browser: Capabilities['browser'];
  proxy: Proxy | undefined;
  /** Default: what every sandbox may reach. */
  network?: Network;
  /** What keeps the box from its host. */
  isolation: Isolation;
  /** Sandbox that it belongs to. */
  pairedWith: string | null;
  region: string;
  createdAt: number;
  expiresAt: number;
  lease: { lease_owner: string; lease_until: number };
}

/** The row of a browser session. It has no idle timeout: it ends when its client goes, or its sandbox, or at its limit. */
export function newBrowserRow(asked: NewBrowser, secrets: Secrets): Insertable<SandboxesTable> {
  const { id, createdAt } = asked;
  return {
    id,
    kind: 'browser',
    organization_id: asked.organizationId,
    status: 'queued',
    runtime: 'base',
    size: 'standard',
    isolation: asked.isolation,
    region: asked.region,
    ephemeral: true,
    capabilities: storableJson({ browser: browserOf(asked.browser) }),
    metadata: '{}',
    network: storableJson(asked.network ?? DEFAULT_NETWORK),
    env_sealed: secrets.seal('{}', id),
    proxy_sealed: sealProxy(asked.proxy, id, secrets),
    browser_session: storableJson(asked.settings),
    paired_with: asked.pairedWith,
    // What nobody is told of costs no connection.
    followed: asked.pairedWith !== null || asked.browser.recording,
    created_at: createdAt,
    expires_at: asked.expiresAt,
    idle_timeout_ms: null,
    last_activity_at: createdAt,
    active_until: 0,
    ...asked.lease,
    event_seq: 0,
    box_cursor: 0,
  };
}

/** The browser as its own box has it. The proxy, with its credentials, is a column of its own. */
function browserOf(asked: Capabilities['browser']): CapabilitiesInput['browser'] {
  const { viewport, humanInLoop, streamPreview, persistentProfile, profileKey } = asked;
  const recording = asked.recording && asked.recordingOptions;
  const kept = { recording, persistentProfile, profileKey };
  return { mode: 'local-chromium', viewport, humanInLoop, streamPreview, ...kept };
}

/** A proxy with its credentials as it is stored. */
export function sealProxy(proxy: Proxy | undefined, id: string, secrets: Secrets): Buffer | null {
  return proxy ? secrets.seal(JSON.stringify(proxy), id) : null;
}

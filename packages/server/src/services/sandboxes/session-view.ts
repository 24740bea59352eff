import { normalizeCapabilities, type SandboxSession } from '@banata/protocol';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Caller } from '../access.ts';
import { controlOf } from '../../stores/control-store.ts';
import { controlAt } from '../control/control.ts';
import type { Links } from '../links.ts';
import { takesWork } from './status.ts';

/**
 * A sandbox as the API shows it to a caller.
 * @param shown.browser row of the box that runs its browser: its own, or the one paired with it, once there is one.
 */
export function toSession(
  { row, browser }: { row: SandboxRow; browser: SandboxRow | undefined },
  links: Links,
  caller: Pick<Caller, 'scopes'>,
): SandboxSession {
  return {
    id: row.id,
    status: row.status,
    runtime: row.runtime,
    size: row.size,
    region: row.region,
    ephemeral: row.ephemeral,
    capabilities: row.capabilities,
    isolation: row.isolation,
    network: row.network,
    metadata: row.metadata,
    createdAt: row.created_at,
    readyAt: row.ready_at,
    endedAt: row.ended_at,
    expiresAt: row.expires_at,
    idleTimeoutMs: row.idle_timeout_ms,
    lastActivityAt: row.last_activity_at,
    endReason: row.end_reason,
    pairedBrowser: mayDrive(caller) && browser ? pairedBrowser(row, browser, links) : null,
  };
}

/** The links of a browser let their holder drive it, which is more than reading. */
function mayDrive({ scopes }: Pick<Caller, 'scopes'>): boolean {
  return scopes === null || scopes.includes('sandbox_sessions:exec');
}

function pairedBrowser(row: SandboxRow, box: SandboxRow, links: Links): SandboxSession['pairedBrowser'] {
  const { browser } = normalizeCapabilities(row.capabilities);
  if (browser.mode === 'none' || !takesWork(row.status) || !takesWork(box.status)) return null;
  const { cdpUrl, viewerUrl } = links.forBrowser(box);
  return {
    sessionId: box.id,
    cdpUrl,
    previewUrl: viewerUrl,
    recording: browser.recording,
    persistentProfile: browser.persistentProfile,
    controlMode: controlAt(controlOf(box), Date.now()).mode,
  };
}

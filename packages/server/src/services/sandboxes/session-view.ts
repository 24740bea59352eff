import { normalizeCapabilities, type SandboxSession } from '@banata/protocol';
import type { SandboxRow } from '../../database/schema.ts';
import type { Caller } from '../access.ts';
import type { Links } from '../links.ts';
import { takesWork } from './status.ts';

/** A sandbox as the API shows it to a caller. */
export function toSession(row: SandboxRow, links: Links, caller: Pick<Caller, 'scopes'>): SandboxSession {
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
    pairedBrowser: mayDrive(caller) ? pairedBrowser(row, links) : null,
  };
}

/** The links of a browser let their holder drive it, which is more than reading. */
function mayDrive({ scopes }: Pick<Caller, 'scopes'>): boolean {
  return scopes === null || scopes.includes('sandbox_sessions:exec');
}

function pairedBrowser(row: SandboxRow, links: Links): SandboxSession['pairedBrowser'] {
  const { browser } = normalizeCapabilities(row.capabilities);
  if (browser.mode === 'none' || !takesWork(row.status)) return null;
  const sessionId = browser.mode === 'paired-banata-browser' ? row.paired_session_id : row.id;
  if (sessionId === null) return null;
  const { cdpUrl, viewerUrl } = links.forBrowser(sessionId);
  return {
    sessionId,
    cdpUrl,
    previewUrl: viewerUrl,
    recording: browser.recording,
    persistentProfile: browser.persistentProfile,
    controlMode: 'shared',
  };
}

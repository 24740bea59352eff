import type { BrowserSession } from '@banata/protocol';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Caller } from '../access.ts';
import type { Links } from '../links.ts';
import { isFinal, takesWork } from '../sandboxes/status.ts';

/** A browser session as the API shows it to a caller. */
export function toBrowserSession(
  { row, artifacts }: { row: SandboxRow; artifacts: BrowserSession['artifacts'] },
  links: Links,
  caller: Pick<Caller, 'scopes'>,
): BrowserSession {
  if (row.browser_session === null) throw new Error('a browser session has its settings');
  const { weight, isolation, egressProfile } = row.browser_session;
  const link = takesWork(row.status) && mayDrive(caller) ? links.forBrowser(row) : undefined;
  return {
    id: row.id,
    status: statusOf(row),
    cdpUrl: link?.cdpUrl ?? null,
    previewUrl: link?.viewerUrl ?? null,
    weight,
    isolation,
    egressProfile,
    region: row.region,
    pairedWith: row.paired_with,
    artifacts,
    duration:
      isFinal(row.status) && row.ended_at !== null && row.ready_at !== null
        ? Math.max(0, row.ended_at - row.ready_at)
        : null,
    createdAt: row.created_at,
    readyAt: row.ready_at,
    endedAt: row.ended_at,
    expiresAt: row.expires_at,
    endReason: row.end_reason,
  };
}

/** The links of a browser let their holder drive it, which is more than reading. */
function mayDrive({ scopes }: Pick<Caller, 'scopes'>): boolean {
  return scopes === null || scopes.includes('browser_sessions:create');
}

/** The session of a client is active for as long as it lives, whether or not the client says anything. */
function statusOf(row: SandboxRow): BrowserSession['status'] {
  if (takesWork(row.status)) return row.cdp_client_at === null ? 'ready' : 'active';
  return row.status;
}

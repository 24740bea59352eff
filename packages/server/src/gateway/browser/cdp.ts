import { ApiError } from '@banata/protocol';
import { findByLink } from '../../services/control/find-by-link.ts';
import { requireWorking } from '../../services/sandboxes/sandbox-service.ts';
import { openTunnel } from '../tunnel.ts';
import type { Upgrade, UpgradeDeps } from '../upgrades.ts';

/**
 * Joins a CDP client with the browser of a sandbox, or with one page of it. The bytes pass as they are: the box holds
 * its clients to the control in force. @throws {ApiError} LINK_INVALID, BROWSER_NOT_READY.
 */
export async function openCdp({ url, ...upgrade }: Upgrade, deps: UpgradeDeps): Promise<void> {
  const { row, claims } = await findByLink(deps, url.searchParams.get('token'), 'cdp');
  const endpoint = await deps.boxes.endpointOf(requireWorking(row));
  const over = new AbortController();
  const life = deps.boxes.lifeOf(row);
  const remove = await deps.browserConnections.add(row.id, {
    linksEpoch: claims.epoch,
    update: () => undefined,
    end: () => over.abort(),
  });
  try {
    await openTunnel({
      ...upgrade,
      endpoint,
      path: boxPath(url.searchParams.get('targetId')),
      signal: life ? AbortSignal.any([over.signal, life]) : over.signal,
      onClientData: () => {
        deps.activity.touch(row.paired_with ?? row.id);
        deps.sessionKeeper.clientSpoke(row);
      },
    });
  } finally {
    remove();
  }
  await deps.sessionKeeper.clientLeft(row);
}

function boxPath(targetId: string | null): string {
  if (targetId === null) return '/browser/cdp';
  if (!/^[A-Za-z0-9-]{1,64}$/.test(targetId))
    throw new ApiError('INVALID_REQUEST', 'targetId has letters, digits and "-" only.');
  return `/browser/cdp?targetId=${targetId}`;
}

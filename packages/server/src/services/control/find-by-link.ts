import { ApiError } from '@banata/protocol';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import type { Links } from '../links.ts';
import type { LinkClaims } from '../secrets.ts';

/**
 * The sandbox whose browser a link leads to.
 * @throws {ApiError} LINK_INVALID, also for links that were revoked; SANDBOX_NOT_FOUND.
 */
export async function findByLink(
  { links, store }: { links: Links; store: SandboxStore },
  token: string | null,
  ...purposes: LinkClaims['purpose'][]
): Promise<{ row: SandboxRow; claims: LinkClaims }> {
  const claims = links.verify(token, ...purposes);
  const row = await store.find(claims.sandboxId);
  if (!row) throw new ApiError('SANDBOX_NOT_FOUND');
  if (claims.epoch !== row.links_epoch) throw new ApiError('LINK_INVALID');
  return { row, claims };
}

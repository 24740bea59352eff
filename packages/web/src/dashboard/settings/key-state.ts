import type { ApiKey } from '@banata-boxes/sdk';

export type KeyState = 'active' | 'ending' | 'expired' | 'revoked';

/** What a key is good for now; `ending`: replaced by another, works a while longer. */
export function keyState(
  { revokedAt, expiresAt, replacedBy }: Pick<ApiKey, 'revokedAt' | 'expiresAt' | 'replacedBy'>,
  now: number,
): KeyState {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt !== null && expiresAt <= now) return 'expired';
  return replacedBy === null ? 'active' : 'ending';
}

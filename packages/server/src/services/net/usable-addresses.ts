import type { LookupAddress } from 'node:dns';
import { OutboundBlockedError } from './outbound-blocked-error.ts';

/**
 * The addresses of a name that may be dialled.
 * @param reasonAgainst why an address may not be dialled; null when it may.
 * @throws {OutboundBlockedError} when none is left.
 */
export function usableAddresses(
  hostname: string,
  addresses: readonly LookupAddress[],
  reasonAgainst: (address: string) => string | null,
): [LookupAddress, ...LookupAddress[]] {
  const judged = addresses.map((item) => ({ item, reason: reasonAgainst(item.address) }));
  const [first, ...others] = judged.filter(({ reason }) => reason === null).map(({ item }) => item);
  if (first !== undefined) return [first, ...others];
  const why = judged.map(({ reason }) => reason).join(', ');
  throw new OutboundBlockedError(hostname, why === '' ? 'it has no address' : why);
}

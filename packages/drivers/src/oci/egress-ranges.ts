import type { Cidr } from './cidr.ts';
import { overlaps, parseCidr } from './cidr.ts';

/** Never reachable from a box, whatever the operator allows: this host, link-local (metadata services), multicast. */
export const ALWAYS_DENIED: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/** Private and special ranges (RFC 6890), closed unless the operator opens them. */
export const DENIED_BY_DEFAULT: readonly string[] = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
];

function blocks(texts: readonly string[]): Cidr[] {
  return texts.flatMap((text) => parseCidr(text) ?? []);
}

/** Tells addresses that no box may reach from those that a box's own rules decide on. */
export type EgressGuard = (address: string) => boolean;

/**
 * The ranges that the kernel refuses to boxes, as a test of single addresses.
 * @param options.subnet the installation's own boxes and service address.
 * @returns a function that is true for an IPv4 address outside every refused range, false for anything else.
 */
export function egressGuard(options: { subnet: string; allowPrivateCidrs: readonly string[] }): EgressGuard {
  const always = blocks([...ALWAYS_DENIED, options.subnet]);
  const byDefault = blocks(DENIED_BY_DEFAULT);
  const allowed = blocks(options.allowPrivateCidrs);
  return (address) => {
    const one = address.includes('/') ? undefined : parseCidr(address);
    if (!one) return false;
    const within = (list: Cidr[]): boolean => list.some((block) => overlaps(block, one));
    return !within(always) && (within(allowed) || !within(byDefault));
  };
}

import { networkInterfaces } from 'node:os';

const CACHE_MS = 5_000;

/**
 * Adds the addresses of this machine to what no box may reach. The kernel refuses those, too; known beforehand, they
 * are refused with a reason.
 */
export function outsideThisHost(
  isReachable: (address: string) => boolean,
  now: () => number,
): (address: string) => boolean {
  let own = new Set<string>();
  let until = 0;
  return (address) => {
    if (now() >= until) {
      own = new Set(
        Object.values(networkInterfaces()).flatMap((items) => (items ?? []).map((item) => item.address)),
      );
      until = now() + CACHE_MS;
    }
    return !own.has(address) && isReachable(address);
  };
}

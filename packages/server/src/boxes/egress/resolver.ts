import { Resolver } from 'node:dns/promises';
import { parseUpstream } from '../dns.ts';

const MIN_TTL_MS = 5_000;
const MAX_TTL_MS = 5 * 60_000;
const MAX_NAMES = 4_096;
const TIMEOUT_MS = 3_000;

/** Finds the IPv4 addresses of a name. Rejects when there are none. */
export type ResolveName = (name: string) => Promise<string[]>;

/** Asks the same resolvers as the boxes' name service, and remembers answers for as long as they are good. */
export function createResolver(upstreams: readonly string[], now: () => number): ResolveName {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  resolver.setServers(
    upstreams
      .map(parseUpstream)
      .map(({ address, port }) => (address.includes(':') ? `[${address}]` : address) + `:${port}`),
  );
  const known = new Map<string, { until: number; addresses: Promise<string[]> }>();
  return (name) => {
    const hit = known.get(name);
    if (hit && hit.until > now()) return hit.addresses;
    const entry = { until: now() + TIMEOUT_MS * 2, addresses: ask(name) };
    known.delete(name);
    known.set(name, entry);
    if (known.size > MAX_NAMES) known.delete(known.keys().next().value ?? '');
    return entry.addresses;

    async function ask(asked: string): Promise<string[]> {
      try {
        const records = await resolver.resolve4(asked, { ttl: true });
        const ttl = Math.min(...records.map((record) => record.ttl)) * 1000;
        entry.until = now() + Math.min(Math.max(ttl, MIN_TTL_MS), MAX_TTL_MS);
        return records.map((record) => record.address);
      } catch (error) {
        known.delete(asked);
        throw error;
      }
    }
  };
}

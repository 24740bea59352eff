import { isIP } from 'node:net';

interface Range {
  family: 4 | 6;
  base: bigint;
  prefix: number;
  what: string;
}

function ipv4Value(address: string): bigint {
  return address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

/** The last group may be a dotted IPv4 address, as in `::ffff:10.0.0.1`. */
function ipv6Groups(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const value = ipv4Value(group);
    return [value >> 16n, value & 0xffffn];
  });
}

function ipv6Value(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const left = ipv6Groups(head);
  const right = tail === undefined ? [] : ipv6Groups(tail);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0n);
  return [...left, ...zeros, ...right].reduce((value, group) => (value << 16n) | group, 0n);
}

function range(cidr: string, what: string): Range {
  const [address = '', prefix = ''] = cidr.split('/');
  const family = isIP(address) === 4 ? 4 : 6;
  return {
    family,
    base: family === 4 ? ipv4Value(address) : ipv6Value(address),
    prefix: Number(prefix),
    what,
  };
}

/**
 * What is not the public internet. Sources: the IANA special-purpose address registries for IPv4 and IPv6
 * (RFC 6890 and its updates), and for 168.63.129.16 Azure's documentation of its host agent.
 */
const SPECIAL: readonly Range[] = [
  range('0.0.0.0/8', 'this network'),
  range('10.0.0.0/8', 'a private network'),
  range('100.64.0.0/10', 'carrier-grade NAT'),
  range('127.0.0.0/8', 'loopback'),
  range('168.63.129.16/32', 'a cloud metadata service'),
  range('169.254.0.0/16', 'link-local or a cloud metadata service'),
  range('172.16.0.0/12', 'a private network'),
  range('192.0.0.0/24', 'reserved for protocols'),
  range('192.0.2.0/24', 'documentation'),
  range('192.88.99.0/24', 'a 6to4 relay'),
  range('192.168.0.0/16', 'a private network'),
  range('198.18.0.0/15', 'benchmarking'),
  range('198.51.100.0/24', 'documentation'),
  range('203.0.113.0/24', 'documentation'),
  range('224.0.0.0/4', 'multicast'),
  range('240.0.0.0/4', 'reserved'),
  range('::/128', 'the unspecified address'),
  range('::1/128', 'loopback'),
  range('::ffff:0:0/96', 'an IPv4 address in IPv6 form'),
  range('64:ff9b::/96', 'NAT64'),
  range('64:ff9b:1::/48', 'NAT64'),
  range('fc00::/7', 'a private network'),
  range('fe80::/10', 'link-local'),
  range('fec0::/10', 'site-local'),
  range('ff00::/8', 'multicast'),
  range('2001::/23', 'reserved for protocols'),
  range('2001:db8::/32', 'documentation'),
  range('2002::/16', '6to4'),
  range('3fff::/20', 'documentation'),
];

const GLOBAL_UNICAST = range('2000::/3', 'global unicast');

function within(value: bigint, { base, prefix, family }: Range): boolean {
  const shift = BigInt((family === 4 ? 32 : 128) - prefix);
  return value >> shift === base >> shift;
}

/**
 * Why an IP address is not a public one, such as `loopback`; null for a public address.
 * IPv6 outside 2000::/3 counts as special even where IANA has not assigned it yet.
 */
export function specialAddress(address: string): string | null {
  const family = isIP(address);
  if (family === 0) return 'not an IP address';
  // A zone names an interface of this machine, so only local addresses have one.
  if (address.includes('%')) return 'link-local';
  const value = family === 4 ? ipv4Value(address) : ipv6Value(address);
  const hit = SPECIAL.find((item) => item.family === family && within(value, item));
  if (hit !== undefined) return hit.what;
  return family === 6 && !within(value, GLOBAL_UNICAST) ? 'not a public IPv6 address' : null;
}

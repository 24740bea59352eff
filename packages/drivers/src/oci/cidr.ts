/** A block of IPv4 addresses, first and last as unsigned numbers. */
export interface Cidr {
  first: number;
  last: number;
  prefix: number;
}

function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Reads `10.0.0.0/8`; a bare address is a block of one. Undefined when the text is neither. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits = '32', ...rest] = text.split('/');
  const value = parseAddress(address);
  if (value === undefined || rest.length > 0 || !/^\d{1,2}$/.test(bits) || Number(bits) > 32)
    return undefined;
  const prefix = Number(bits);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(value / size) * size;
  return { first, last: first + size - 1, prefix };
}

/** Dotted form of an address. */
export function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** The block as `first/prefix`. */
export function formatCidr(block: Cidr): string {
  return `${formatAddress(block.first)}/${block.prefix}`;
}

/** True when the two blocks share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.first <= b.last && b.first <= a.last;
}

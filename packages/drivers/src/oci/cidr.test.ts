import { expect, test } from 'vitest';

import { formatAddress, formatCidr, overlaps, parseCidr } from './cidr.ts';
import type { Cidr } from './cidr.ts';

function block(text: string): Cidr {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`not a block: ${text}`);
  return parsed;
}

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['192.0.2.7', '192.0.2.7/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['255.255.255.255/32', '255.255.255.255/32'],
])('reads %s as %s', (text, normal) => {
  expect(formatCidr(block(text))).toBe(normal);
});

test.each([
  '',
  '10.0.0',
  '10.0.0.0.0',
  '10.0.0.256',
  '10.0.0.0/33',
  '10.0.0.0/8/9',
  'a.b.c.d',
  '::1',
  ' 10.0.0.1',
  '10.0.0.1/',
])('refuses "%s"', (text) => {
  expect(parseCidr(text)).toBeUndefined();
});

test('knows what overlaps', () => {
  expect(overlaps(block('10.0.0.0/8'), block('10.200.0.0/16'))).toBe(true);
  expect(overlaps(block('10.200.0.0/16'), block('10.0.0.0/8'))).toBe(true);
  expect(overlaps(block('10.0.0.0/16'), block('10.1.0.0/16'))).toBe(false);
});

test('formats addresses above 2^31', () => {
  expect(formatAddress(block('203.0.113.9').first)).toBe('203.0.113.9');
});

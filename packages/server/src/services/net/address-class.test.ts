import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { specialAddress } from './address-class.ts';

const octet = fc.integer({ min: 0, max: 255 });
const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
const groups = (length: number): fc.Arbitrary<string> =>
  fc.array(group, { minLength: length, maxLength: length }).map((parts) => parts.join(':'));

describe('specialAddress', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '168.63.129.15',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:200::1',
    '2606:4700::1111',
    '2a00:1450:4001:80b::200e',
  ])('%s is public', (address) => {
    expect(specialAddress(address)).toBeNull();
  });

  test.each([
    ['0.0.0.0', 'this network'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['10.1.2.3', 'a private network'],
    ['100.64.0.0', 'carrier-grade NAT'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['168.63.129.16', 'a cloud metadata service'],
    ['169.254.169.254', 'link-local or a cloud metadata service'],
    ['172.31.255.255', 'a private network'],
    ['192.0.0.192', 'reserved for protocols'],
    ['192.168.0.1', 'a private network'],
    ['198.19.255.255', 'benchmarking'],
    ['239.255.255.250', 'multicast'],
    ['255.255.255.255', 'reserved'],
    ['::', 'the unspecified address'],
    ['::1', 'loopback'],
    ['0:0:0:0:0:0:0:1', 'loopback'],
    ['::ffff:127.0.0.1', 'an IPv4 address in IPv6 form'],
    ['::ffff:7f00:1', 'an IPv4 address in IPv6 form'],
    ['::127.0.0.1', 'not a public IPv6 address'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['fd00:ec2::254', 'a private network'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['2606:4700::1111%eth0', 'link-local'],
    ['ff02::1', 'multicast'],
    ['2001:0:53aa:64c:0:0:8.8.8.8', 'reserved for protocols'],
    ['2001:db8::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['4000::1', 'not a public IPv6 address'],
    ['localhost', 'not an IP address'],
    ['127.1', 'not an IP address'],
    ['0x7f.0.0.1', 'not an IP address'],
    ['', 'not an IP address'],
  ])('%s is %s', (address, what) => {
    expect(specialAddress(address)).toBe(what);
  });

  test.each(['10', '127', '0'])('every address in %s.0.0.0/8 is special', (first) => {
    fc.assert(
      fc.property(octet, octet, octet, (b, c, d) => {
        expect(specialAddress(`${first}.${b}.${c}.${d}`)).not.toBeNull();
      }),
    );
  });

  test('every IPv4 address in IPv6 form is special, public or not', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isIPv4(address)).toBe(true);
        expect(specialAddress(`::ffff:${address}`)).not.toBeNull();
        expect(specialAddress(`64:ff9b::${address}`)).not.toBeNull();
      }),
    );
  });

  test('every IPv6 address outside 2000::/3 is special', () => {
    const first = fc.integer({ min: 0, max: 0xffff }).filter((value) => value >> 13 !== 1);
    fc.assert(
      fc.property(first, groups(7), (head, rest) => {
        expect(specialAddress(`${head.toString(16)}:${rest}`)).not.toBeNull();
      }),
    );
  });

  test('the way an IPv6 address is written does not matter', () => {
    fc.assert(
      fc.property(groups(8), (address) => {
        const short = new URL(`http://[${address}]/`).hostname.slice(1, -1);
        expect(specialAddress(short)).toBe(specialAddress(address));
      }),
    );
  });

  test('agrees with plain arithmetic on IPv4', () => {
    const special = (a: number, b: number): boolean =>
      [0, 10, 127].includes(a) ||
      a >= 224 ||
      (a === 100 && b >= 64 && b < 128) ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168) ||
      (a === 198 && (b === 18 || b === 19));
    const smallSpecials =
      /^(168\.63\.129\.16|192\.0\.[02]\.\d+|192\.88\.99\.\d+|198\.51\.100\.\d+|203\.0\.113\.\d+)$/;
    fc.assert(
      fc.property(octet, octet, octet, octet, (a, b, c, d) => {
        const address = `${a}.${b}.${c}.${d}`;
        expect(specialAddress(address) !== null).toBe(special(a, b) || smallSpecials.test(address));
      }),
      { numRuns: 2000 },
    );
  });
});

import { expect, test } from 'vitest';

import { parseCidr } from './cidr.ts';
import { hostNames } from './names.ts';
import { boxAddressOf, nftRules, serviceAddressOf } from './nft-rules.ts';

const INPUT = {
  names: hostNames('ab12cd'),
  subnet: '10.213.0.0/16',
  serviceAddress: '10.213.0.1',
  egressAddress: '10.213.0.2',
  servicePort: 7071,
  proxyPort: 7073,
  hostPorts: [],
  dnsPort: 7072,
  boxPort: 7080,
  allowPrivateCidrs: ['10.1.0.0/16', '192.168.7.9'],
  boxAddresses: ['10.213.0.6', '10.213.0.10'],
};

test('writes the policy of the boxes as one script', () => {
  expect(nftRules(INPUT)).toMatchSnapshot();
});

test('leaves the set of exceptions empty when there are none', () => {
  expect(nftRules({ ...INPUT, allowPrivateCidrs: [] })).not.toContain('elements = {  }');
});

test('gives every slot an address of its own, none of them the service address', () => {
  const subnet = parseCidr('10.213.0.0/16');
  if (!subnet) throw new Error('not a block');
  const addresses = Array.from({ length: 512 }, (_, slot) => boxAddressOf(subnet, slot));
  expect(new Set(addresses).size).toBe(512);
  expect(addresses).not.toContain(serviceAddressOf(subnet));
  expect(Math.max(...addresses)).toBeLessThan(subnet.last);
});

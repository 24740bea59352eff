import { expect, test } from 'vitest';

import { egressGuard } from './egress-ranges.ts';

const isReachable = egressGuard({
  subnet: '11.5.0.0/16',
  allowPrivateCidrs: ['10.1.0.0/16', '169.254.0.0/16'],
});

test.each([
  ['8.8.8.8', true],
  ['10.1.2.3', true],
  ['10.2.2.3', false],
  ['172.31.0.1', false],
  ['192.168.1.1', false],
  ['100.64.0.1', false],
  ['127.0.0.1', false],
  ['0.0.0.0', false],
  ['169.254.169.254', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['11.5.0.1', false],
  ['11.6.0.1', true],
  ['8.8.8.8/8', false],
  ['::1', false],
  ['example.com', false],
])('%s: %s', (address, reachable) => {
  expect(isReachable(address)).toBe(reachable);
});

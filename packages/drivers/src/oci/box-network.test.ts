import { expect, test } from 'vitest';

import { boxNetworkCommands, isBoxNetwork } from './box-network.ts';

const PLACE = { table: 'banata_ab12cd', slot: 3, address: '10.213.0.18' };
const RULES = {
  egress: 'rules',
  proxied: true,
  open: ['11.0.0.0/8', '11.1.0.0/16', '1.2.3.4'],
  closed: ['11.2.0.0/16'],
  hostPorts: false,
} as const;

test.each([
  ['all', { egress: 'all' }],
  ['none', { egress: 'none' }],
  ['rules with names', { ...RULES, open: [...RULES.open], closed: [...RULES.closed] }],
  [
    'rules with blocks only',
    { egress: 'rules', proxied: false, open: ['0.0.0.0/0'], closed: [], hostPorts: true },
  ],
] as const)('commands for %s', (_name, network) => {
  expect(boxNetworkCommands(PLACE, network as never)).toMatchSnapshot();
});

test.each([
  { ...RULES, open: ['11.0.0.0/8; flush ruleset'] },
  { ...RULES, closed: ['example.com'] },
  { ...RULES, open: '11.0.0.0/8' },
  { ...RULES, proxied: undefined },
  { egress: 'some' },
  null,
])('%j is no network', (network) => {
  expect(isBoxNetwork(network)).toBe(false);
});

import { expect, test } from 'vitest';

import { parseFlows } from './flows.ts';

function document(name: string, flows: [string, string, string, number, number][]): string {
  const elem = flows.map(([box, address, protocol, port, bytes]) => ({
    elem: { val: { concat: [box, address, protocol, port] }, expires: 100, counter: { packets: 1, bytes } },
  }));
  return JSON.stringify({
    nftables: [{ metainfo: {} }, { set: { name, ...(flows.length > 0 ? { elem } : {}) } }],
  });
}

test('joins what a box sent and received, and keeps refusals apart', () => {
  const text = [
    document('sent', [
      ['10.0.0.6', '11.0.0.1', 'tcp', 443, 100],
      ['10.0.0.6', '11.0.0.1', 'udp', 443, 7],
    ]),
    document('received', [
      ['10.0.0.6', '11.0.0.1', 'tcp', 443, 900],
      ['10.0.0.6', '11.0.0.9', 'udp', 53, 5],
    ]),
    document('refused', [['10.0.0.6', '169.254.169.254', 'tcp', 80, 60]]),
  ].join('\n');
  const common = { box: '10.0.0.6', address: '11.0.0.1', port: 443, allowed: true };
  expect(parseFlows(text)).toEqual([
    { ...common, protocol: 'tcp', bytesSent: 100, bytesReceived: 900 },
    { ...common, protocol: 'udp', bytesSent: 7, bytesReceived: 0 },
    {
      ...common,
      address: '169.254.169.254',
      port: 80,
      protocol: 'tcp',
      allowed: false,
      bytesSent: 60,
      bytesReceived: 0,
    },
  ]);
});

test('empty sets are no flows', () => {
  expect(parseFlows(['sent', 'received', 'refused'].map((name) => document(name, [])).join('\n'))).toEqual(
    [],
  );
});

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { BoxEgresses } from '../services/network/box-egress.ts';
import { ConnectionLog } from '../services/network/connection-log.ts';
import { DnsForwarder, parseUpstream } from './dns.ts';

test.each([
  ['192.0.2.1', { address: '192.0.2.1', port: 53 }],
  ['192.0.2.1:5353', { address: '192.0.2.1', port: 5353 }],
  ['2001:db8::1', { address: '2001:db8::1', port: 53 }],
  ['[2001:db8::1]:5353', { address: '2001:db8::1', port: 5353 }],
])('the resolver %s', (text, expected) => {
  expect(parseUpstream(text)).toEqual(expected);
});

const QUERY = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1]);

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

const logger = pino({ level: 'silent' });
const sink = {
  insert: () => Promise.resolve([]),
  setBytes: () => Promise.resolve(),
  prune: () => Promise.resolve(),
};

async function askThrough(upstreams: string[]): Promise<Buffer> {
  const port = await freeUdpPort();
  const boxes = new BoxEgresses(Date.now);
  boxes.set('127.0.0.1', 'sandbox', { egress: 'all' });
  const forwarder = new DnsForwarder({
    host: '127.0.0.1',
    port,
    upstreams,
    boxes,
    connections: new ConnectionLog(sink, logger, Date.now),
    isReachable: () => true,
    logger,
  });
  await forwarder.start();
  const client = createSocket('udp4');
  try {
    client.send(QUERY, port, '127.0.0.1');
    const [reply] = (await once(client, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return reply;
  } finally {
    client.close();
    await forwarder.close();
  }
}

test('an answer comes back as it is', async () => {
  const upstream = createSocket('udp4').bind(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstream.on('message', (query, from) =>
    upstream.send(Buffer.concat([query, Buffer.from('!')]), from.port, from.address),
  );
  const reply = await askThrough([`127.0.0.1:${upstream.address().port}`]);
  upstream.close();
  expect(reply).toEqual(Buffer.concat([QUERY, Buffer.from('!')]));
});

test('where no resolver answers, the box hears SERVFAIL', async () => {
  const reply = await askThrough([`127.0.0.1:${await freeUdpPort()}`]);
  expect(reply.readUInt16BE(0)).toBe(0x1234);
  expect(reply.readUInt8(2) & 0x80).toBe(0x80);
  expect(reply.readUInt8(3) & 0x0f).toBe(2);
});

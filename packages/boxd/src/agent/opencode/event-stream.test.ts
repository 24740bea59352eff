import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../logger.ts';
import { OpenCodeClient } from './client.ts';
import { OpenCodeEventStream } from './event-stream.ts';
import type { OpenCodeEvent } from './schemas.ts';

let server: Server;
let connections: ServerResponse[];
let authorizations: Array<string | undefined>;
let follow: AbortController;
let followed: Promise<void>;
let stream: OpenCodeEventStream;
let seen: OpenCodeEvent[];

beforeEach(async () => {
  connections = [];
  authorizations = [];
  seen = [];
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization);
    connections.push(response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"type":"server.connected","properties":{}}\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const logger = createLogger({ write: () => undefined });
  stream = new OpenCodeEventStream(
    new OpenCodeClient({ baseUrl, password: 'secret', directory: '/w' }),
    logger,
  );
  stream.subscribe((event) => seen.push(event));
  follow = new AbortController();
  followed = stream.follow(follow.signal);
});

afterEach(async () => {
  follow.abort();
  await followed;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const idle = (sessionID: string): string =>
  `data: {"type":"session.idle","properties":{"sessionID":"${sessionID}"}}\n\n`;

async function until(fits: () => boolean): Promise<void> {
  await expect.poll(fits, { timeout: 5_000, interval: 10 }).toBe(true);
}

test('hands on events, in pieces too, and leaves out what it does not know', async () => {
  expect(await stream.whenConnected(5_000)).toBe(true);
  expect(authorizations).toEqual([`Basic ${Buffer.from('opencode:secret').toString('base64')}`]);
  const [connection] = connections;
  connection?.write('data: {"type":"plugin.added","properties":{}}\n\ndata: no json\n\n');
  const text = idle('ä');
  const bytes = Buffer.from(text);
  const middle = bytes.indexOf(0xc3) + 1;
  connection?.write(bytes.subarray(0, middle));
  await new Promise((resolve) => setTimeout(resolve, 20));
  connection?.write(bytes.subarray(middle));
  await until(() => seen.some(({ type }) => type === 'session.idle'));
  expect(seen).toEqual([
    { type: 'server.connected' },
    { type: 'session.idle', properties: { sessionID: 'ä' } },
  ]);
});

test('connects again when the stream drops', async () => {
  await until(() => connections.length === 1);
  connections[0]?.destroy();
  await until(() => connections.length === 2);
  expect(await stream.whenConnected(5_000)).toBe(true);
  connections[1]?.write(idle('later'));
  await until(() =>
    seen.some((event) => event.type === 'session.idle' && event.properties.sessionID === 'later'),
  );
});

test('says when it is not connected', async () => {
  follow.abort();
  await followed;
  expect(await stream.whenConnected(50)).toBe(false);
});

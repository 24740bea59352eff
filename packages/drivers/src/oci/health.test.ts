import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, expect, test } from 'vitest';

import { waitForHealth } from './health.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function wait(
  port: number,
  timeoutMs = 300,
  alive = true,
  signal = new AbortController().signal,
): Promise<void> {
  await waitForHealth(
    { host: '127.0.0.1', port },
    { timeoutMs, signal, isAlive: () => Promise.resolve(alive) },
  );
}

test('waits through refusals until the answer is 200', async () => {
  let asked = 0;
  const port = await serve((_, response) => {
    asked += 1;
    response.writeHead(asked < 4 ? 503 : 200).end();
  });
  await wait(port, 2_000);
  expect(asked).toBe(4);
});

test('waits until somebody listens, and is broken off while nobody does', async () => {
  const port = await serve((_, response) => response.writeHead(200).end());
  const [first] = servers.splice(0);
  await new Promise((resolve) => first?.close(resolve));
  await expect(wait(port, 5_000, true, AbortSignal.timeout(20))).rejects.toMatchObject({
    name: 'TimeoutError',
  });

  const waiting = wait(port, 30_000);
  const server = createServer((_, response) => response.writeHead(200).end());
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await waiting;
});

test('does not wait for a body that never ends', async () => {
  const port = await serve((_, response) => void response.writeHead(200).write('x'));
  await wait(port);
});

test('gives up in time, or when the box has ended', async () => {
  const port = await serve((_, response) => response.writeHead(500).end());
  await expect(wait(port, 100)).rejects.toMatchObject({
    code: 'BOX_START_FAILED',
    message: /did not answer within 100 ms/,
  });
  await expect(wait(port, 5_000, false)).rejects.toMatchObject({
    message: /ended before its daemon answered/,
  });
});

test('ends with the reason of the signal', async () => {
  const port = await serve(() => undefined);
  await expect(wait(port, 5_000, true, AbortSignal.timeout(50))).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});

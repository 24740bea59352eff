import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestPostgres } from '../../testing/database.ts';
import { ask } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';

let postgres: TestPostgres;
let server: TestServer;
let hook: Server;
let reply = { status: 200, body: '' };
const seen: { authorization: string | undefined; body: unknown }[] = [];

beforeAll(async () => {
  hook = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { authorization } = request.headers;
      seen.push({ authorization, body: JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(reply.status).end(reply.body);
    });
  });
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  postgres = await TestPostgres.start();
  server = await TestServer.start({
    database: await postgres.create(),
    jobs: false,
    env: {
      BANATA_BILLING_CHECKOUT_URL: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/checkout`,
      BANATA_BILLING_CHECKOUT_TOKEN: 'hook-token',
    },
  });
});
afterAll(async () => {
  await server.close();
  await postgres.close();
  hook.closeAllConnections();
  hook.close();
});

function checkout(plan: string) {
  return ask(server, server.apiKey ?? '', { path: '/v1/billing/checkout', json: { plan } });
}

test('the billing hook is asked and its page handed on', async () => {
  reply = { status: 200, body: JSON.stringify({ url: 'https://pay.example/c/1' }) };
  const answer = await checkout('pro');
  expect(answer.body).toEqual({ url: 'https://pay.example/c/1' });
  expect(seen.at(-1)).toMatchObject({
    authorization: 'Bearer hook-token',
    body: { plan: 'pro', currentPlan: 'unlimited' },
  });
});

test.each([
  ['an error', { status: 500, body: 'no' }],
  ['a redirect', { status: 302, body: '' }],
  ['no JSON', { status: 200, body: 'https://pay.example' }],
  ['no URL', { status: 200, body: '{"url":"pay"}' }],
  ['too much', { status: 200, body: 'x'.repeat(100_000) }],
])('a hook that answers %s is unavailable', async (_, bad) => {
  reply = bad;
  const answer = await checkout('pro');
  expect(answer.status).toBe(502);
  expect(answer.body).toMatchObject({ code: 'BILLING_UNAVAILABLE' });
  expect(JSON.stringify(answer.body)).not.toContain('hook-token');
});

test('an unknown plan never reaches the hook', async () => {
  const before = seen.length;
  expect((await checkout('gold')).status).toBe(400);
  expect(seen).toHaveLength(before);
});

test('without a hook the answer is 501, which is no error in the log', async () => {
  const lines: string[] = [];
  const plain = await TestServer.start({
    database: await postgres.create(),
    jobs: false,
    env: { BANATA_LOG_LEVEL: 'info' },
    log: (line) => lines.push(line),
  });
  try {
    const answer = await ask(plain, plain.apiKey ?? '', {
      path: '/v1/billing/checkout',
      json: { plan: 'pro' },
    });
    expect([answer.status, answer.body['code']]).toEqual([501, 'BILLING_NOT_CONFIGURED']);
    const logged = lines.filter((line) => line.includes('/v1/billing/checkout'));
    expect(logged.map((line) => (JSON.parse(line) as { level: number }).level)).toEqual([30]);
  } finally {
    await plain.close();
  }
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestPostgres } from '../../testing/database.ts';
import { ask, makeOrganization } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';

let postgres: TestPostgres;
let servers: TestServer[];
let operatorKey: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  const database = await postgres.create();
  const env = { BANATA_RATE_LIMIT_OVERRIDES: 'usage=6/10,sandboxes.read=6/100' };
  const first = await TestServer.start({ database, jobs: false, env });
  servers = [first, await TestServer.start({ database, jobs: false, env })];
  operatorKey = first.apiKey ?? '';
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await postgres.close();
});

function server(index = 0): TestServer {
  const found = servers[index];
  if (!found) throw new Error(`there is no server ${index}`);
  return found;
}

test('a burst is shared exactly by two servers, and the refusal is the documented one', async () => {
  const { key } = await makeOrganization(server(), operatorKey, 'free');
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, index) => ask(server(index % 2), key, { path: '/v1/usage' })),
  );
  const allowed = replies.filter(({ status }) => status === 200);
  expect(allowed).toHaveLength(10);
  expect(allowed[0]?.headers.get('ratelimit-policy')).toBe('"usage";q=10;w=100');
  const refused = replies.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({
    error: 'Rate limit exceeded. Please try again later.',
    code: 'RATE_LIMITED',
  });
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(refused?.headers.get('retry-after'))).toBeLessThanOrEqual(10);
  expect(refused?.headers.get('ratelimit')).toMatch(/^"usage";r=0;t=\d+$/);
});

test('a large burst is shared within one lease for each server', async () => {
  const { key } = await makeOrganization(server(), operatorKey, 'free');
  const replies = await Promise.all(
    Array.from({ length: 160 }, (_, index) => ask(server(index % 2), key, { path: '/v1/sandboxes' })),
  );
  const allowed = replies.filter(({ status }) => status === 200).length;
  expect(allowed).toBeGreaterThanOrEqual(99);
  expect(allowed).toBeLessThanOrEqual(101);
});

test('organizations do not use up each other’s limits, and the unlimited plan has none', async () => {
  const one = await makeOrganization(server(), operatorKey, 'free');
  const other = await makeOrganization(server(), operatorKey, 'free');
  for (let count = 0; count < 11; count += 1) await ask(server(), one.key, { path: '/v1/usage' });
  expect((await ask(server(), one.key, { path: '/v1/usage' })).status).toBe(429);
  expect((await ask(server(), other.key, { path: '/v1/usage' })).status).toBe(200);
  for (let count = 0; count < 20; count += 1) {
    const reply = await ask(server(), operatorKey, { path: '/v1/usage' });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('ratelimit')).toBeNull();
  }
});

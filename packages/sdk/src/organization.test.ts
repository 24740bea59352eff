import { afterEach, expect, test } from 'vitest';
import { BanataSandbox } from './client.ts';
import { sendJson, startTestServer, type TestServer } from './testing/http-server.ts';

let server: TestServer | undefined;

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

/** The requests that calls send, with query or body. */
async function requestsOf(calls: (banata: BanataSandbox) => Promise<unknown>): Promise<unknown[]> {
  server = await startTestServer((_request, response) => sendJson(response, 200, { data: [] }));
  await calls(new BanataSandbox({ apiKey: 'br_live_x', baseUrl: server.url }));
  return server.seen.map(({ method, path, query, body }) => [
    `${method} ${path}`,
    body === '' ? Object.fromEntries(query) : (JSON.parse(body) as unknown),
  ]);
}

test('people', async () => {
  const requests = await requestsOf(async ({ users }) => {
    expect(await users.list()).toEqual([]);
    await users.create({ email: 'ada@example.com', role: 'member' });
    await users.invite('u');
    await users.setRole('u', 'viewer');
    await users.remove('u');
  });
  expect(requests).toEqual([
    ['GET /v1/users', {}],
    ['POST /v1/users', { email: 'ada@example.com', role: 'member' }],
    ['POST /v1/users/invite', { id: 'u' }],
    ['POST /v1/users/role', { id: 'u', role: 'viewer' }],
    ['DELETE /v1/users', { id: 'u' }],
  ]);
});

test('organizations of the operator', async () => {
  const requests = await requestsOf(async ({ organizations }) => {
    await organizations.list({ limit: 5 });
    await organizations.create({ name: 'Acme', ownerEmail: 'ada@acme.example' });
    await organizations.setPlan('o', null);
    await organizations.suspend('o', { reason: 'unpaid' });
    await organizations.resume('o');
    await organizations.delete('o');
  });
  expect(requests).toEqual([
    ['GET /v1/organizations', { limit: '5' }],
    ['POST /v1/organizations', { name: 'Acme', ownerEmail: 'ada@acme.example' }],
    ['POST /v1/organizations/plan', { id: 'o', plan: null }],
    ['POST /v1/organizations/suspend', { id: 'o', reason: 'unpaid' }],
    ['POST /v1/organizations/resume', { id: 'o' }],
    ['DELETE /v1/organizations', { id: 'o' }],
  ]);
});

test('the audit log, and whose key it is', async () => {
  const requests = await requestsOf(async (banata) => {
    await banata.auditLog.list({ route: 'apiKeys.create', limit: 1 });
    await banata.whoAmI();
  });
  expect(requests).toEqual([
    ['GET /v1/audit', { route: 'apiKeys.create', limit: '1' }],
    ['GET /v1/auth/me', {}],
  ]);
});

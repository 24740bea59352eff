import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { ask, makeOrganization } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';

const minute = 60_000;
let postgres: TestPostgres;
let database: TestDatabase;
let servers: TestServer[];
let operatorKey: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  const env = { BANATA_RATE_LIMITS: 'off' };
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

test('a feature above the plan answers the documented 403', async () => {
  const { key } = await makeOrganization(server(), operatorKey, 'free');
  const reply = await ask(server(), key, {
    path: '/v1/sandboxes',
    json: { capabilities: { browser: { recording: true } } },
  });
  expect(reply.status).toBe(403);
  expect(reply.body).toMatchObject({
    error:
      'Session recording is not available on the Free plan. Upgrade to Pro or higher to record sessions.',
    code: 'PLAN_FEATURE_UNAVAILABLE',
    requiredPlan: 'pro',
    currentPlan: 'free',
  });
});

test('a life longer than the plan allows answers the documented 403; none given means the longest one', async () => {
  const { key } = await makeOrganization(server(), operatorKey, 'builder');
  const asked = 3_600_000;
  const reply = await ask(server(), key, { path: '/v1/sandboxes', json: { maxDurationMs: asked } });
  expect(reply.status).toBe(403);
  expect(reply.body).toMatchObject({
    error: 'maxDurationMs (3600000) exceeds your plan limit of 30 minutes. Current plan: builder',
    code: 'PLAN_LIMIT_EXCEEDED',
    requiredPlan: 'pro',
    currentPlan: 'builder',
  });
  const { body } = await ask(server(), key, { path: '/v1/sandboxes', json: {} });
  expect(Number(body['expiresAt']) - Number(body['createdAt'])).toBe(30 * minute);
  const renewed = await ask(server(), key, {
    path: '/v1/sandboxes/timeout',
    json: { id: body['id'], timeoutMs: 31 * minute },
  });
  expect(renewed.body).toMatchObject({ code: 'PLAN_LIMIT_EXCEEDED' });
});

test('thirty creates at once on two servers make as many sandboxes as the plan allows', async () => {
  const { key } = await makeOrganization(server(), operatorKey, 'pro');
  const replies = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      ask(server(index % 2), key, { path: '/v1/sandboxes', json: {} }),
    ),
  );
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(10);
  const refused = replies.filter(({ status }) => status === 403);
  expect(refused).toHaveLength(20);
  for (const { body } of refused) {
    expect(body).toMatchObject({ code: 'PLAN_LIMIT_EXCEEDED', requiredPlan: 'scale', currentPlan: 'pro' });
  }
  const id = (replies.find(({ status }) => status === 201)?.body['id'] ?? '') as string;
  await ask(server(), key, { method: 'DELETE', path: `/v1/sandboxes?id=${id}` });
  const next = await ask(server(1), key, { path: '/v1/sandboxes', json: {} });
  expect(next.status).toBe(201);
});

test('used hours of the month close the door until the plan changes', async () => {
  const { id, key } = await makeOrganization(server(), operatorKey, 'free');
  const first = await ask(server(), key, { path: '/v1/sandboxes', json: {} });
  await expect
    .poll(
      async () =>
        (await ask(server(), key, { path: `/v1/sandboxes?id=${String(first.body['id'])}` })).body['status'],
    )
    .toBe('ready');
  await ask(server(), key, { method: 'DELETE', path: `/v1/sandboxes?id=${String(first.body['id'])}` });
  const db = openTestDatabase(database);
  await db
    .updateTable('sandbox_runs')
    .set((eb) => ({ ended_at: eb('started_at', '+', 5 * 60 * minute) }))
    .where('organization_id', '=', id)
    .execute();
  await db.destroy();
  const refused = await ask(server(), key, { path: '/v1/sandboxes', json: {} });
  expect(refused.status).toBe(403);
  expect(refused.body['error']).toMatch(/^All 5 sandbox hours of this month are used/);
  const billing = await ask(server(), key, { path: '/v1/billing' });
  expect(billing.body).toMatchObject({
    plan: { id: 'free' },
    usage: { sandboxHours: { used: 5, limit: 5 }, concurrentSandboxes: { used: 0, limit: 1 } },
    checkoutAvailable: false,
  });
  await ask(server(), operatorKey, { path: '/v1/organizations/plan', json: { id, plan: 'scale' } });
  expect((await ask(server(), key, { path: '/v1/sandboxes', json: {} })).status).toBe(201);
});

test('only the operator assigns plans; checkout says that nothing is sold here', async () => {
  const { id, key } = await makeOrganization(server(), operatorKey, null);
  const plans = await ask(server(), key, { path: '/v1/plans' });
  expect(plans.body).toMatchObject({ current: 'unlimited' });
  const own = await ask(server(), key, { path: '/v1/organizations/plan', json: { id, plan: 'scale' } });
  expect(own.body).toMatchObject({ code: 'PERMISSION_DENIED' });
  const unknown = await ask(server(), operatorKey, {
    path: '/v1/organizations/plan',
    json: { id, plan: 'gold' },
  });
  expect(unknown.body).toMatchObject({
    error: "Invalid plan: 'gold'. Must be one of: free, builder, pro, scale, unlimited",
  });
  const checkout = await ask(server(), key, { path: '/v1/billing/checkout', json: { plan: 'pro' } });
  expect(checkout.status).toBe(501);
  expect(checkout.body).toMatchObject({ code: 'BILLING_NOT_CONFIGURED' });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { ask, makeOrganization, type JsonReply } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';

const minute = 60_000;
const proxy = { protocol: 'http', host: 'proxy.example', port: 3128, username: 'ada', password: 'harbour' };

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
let operatorKey: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database, jobs: false, env: { BANATA_RATE_LIMITS: 'off' } });
  operatorKey = server.apiKey ?? '';
});
afterAll(async () => {
  await server.close();
  await postgres.close();
});

function create(key: string, json: object, headers: Record<string, string> = {}): Promise<JsonReply> {
  return ask(server, key, { path: '/v1/browsers', json, headers });
}

async function ready(key: string, id: unknown): Promise<JsonReply> {
  const path = `/v1/browsers?id=${String(id)}`;
  await expect.poll(async () => (await ask(server, key, { path })).body['status']).toBe('ready');
  return ask(server, key, { path });
}

test.each([
  [{ weight: 'heavy' }, 'pro'],
  [{ isolation: 'dedicated' }, 'pro'],
  [{ recording: true }, 'pro'],
  [{ stealth: true }, 'builder'],
  [{ proxy }, 'pro'],
  [{ egressProfile: 'static-residential' }, 'scale'],
])('on the free plan %j answers the documented 403', async (asked, requiredPlan) => {
  const { key } = await makeOrganization(server, operatorKey, 'free');
  const reply = await create(key, asked);
  expect(reply.status).toBe(403);
  expect(reply.body).toMatchObject({
    code: 'PLAN_FEATURE_UNAVAILABLE',
    requiredPlan,
    currentPlan: 'free',
  });
});

test('life, number and hours of sessions are the plan’s, apart from those of sandboxes', async () => {
  const { id, key } = await makeOrganization(server, operatorKey, 'free');
  const long = await create(key, { maxDurationMs: 6 * minute });
  expect(long.body).toMatchObject({ code: 'PLAN_LIMIT_EXCEEDED', requiredPlan: 'builder' });
  const replies = await Promise.all(Array.from({ length: 8 }, () => create(key, {})));
  const made = replies.filter(({ status }) => status === 201);
  expect(made).toHaveLength(1);
  const body = made[0]?.body ?? {};
  expect(Number(body['expiresAt']) - Number(body['createdAt'])).toBe(5 * minute);
  expect((await ask(server, key, { path: '/v1/sandboxes', json: {} })).status).toBe(201);

  await ready(key, body['id']);
  await ask(server, key, { method: 'DELETE', path: `/v1/browsers?id=${String(body['id'])}` });
  const db = openTestDatabase(database);
  await db
    .updateTable('sandbox_runs')
    .set((eb) => ({ ended_at: eb('started_at', '+', 5 * 60 * minute) }))
    .where('sandbox_id', '=', String(body['id']))
    .where('organization_id', '=', id)
    .execute();
  await db.destroy();
  expect((await create(key, {})).body['error']).toMatch(/^All 5 browser hours of this month are used/);
  expect((await ask(server, key, { path: '/v1/billing' })).body['usage']).toMatchObject({
    browserHours: { used: 5, limit: 5 },
    concurrentBrowsers: { used: 0, limit: 1 },
    concurrentSandboxes: { used: 1, limit: 1 },
  });
});

test('links are for keys that may create; sessions and sandboxes are not found as each other', async () => {
  const { key } = await makeOrganization(server, operatorKey, 'scale');
  const session = await ready(key, (await create(key, {})).body['id']);
  expect(session.body['cdpUrl']).toMatch(/^ws:/);
  const scoped = await ask(server, key, {
    path: '/v1/api-keys',
    json: { name: 'reader', scopes: ['browser_sessions:read'] },
  });
  const path = `/v1/browsers?id=${String(session.body['id'])}`;
  const read = await ask(server, String(scoped.body['key']), { path });
  expect(read.body).toMatchObject({ status: 'ready', cdpUrl: null, previewUrl: null });

  const asSandbox = await ask(server, key, { path: `/v1/sandboxes?id=${String(session.body['id'])}` });
  expect(asSandbox.body).toMatchObject({ code: 'SANDBOX_NOT_FOUND' });
  const exec = await ask(server, key, {
    path: '/v1/sandboxes/exec',
    json: { id: session.body['id'], command: 'true' },
  });
  expect(exec.body).toMatchObject({ code: 'SANDBOX_NOT_FOUND' });
  const sandbox = await ask(server, key, { path: '/v1/sandboxes', json: {} });
  const asSession = await ask(server, key, { path: `/v1/browsers?id=${String(sandbox.body['id'])}` });
  expect(asSession.body).toMatchObject({ code: 'BROWSER_SESSION_NOT_FOUND', error: 'Session not found' });
});

test('a repeated create with an Idempotency-Key makes one session', async () => {
  const headers = { 'idempotency-key': 'session-1' };
  const first = await create(operatorKey, {}, headers);
  expect((await create(operatorKey, {}, headers)).body['id']).toBe(first.body['id']);
});

test('a sandbox with a paired browser counts as both, and its renewal holds for both', async () => {
  const { key } = await makeOrganization(server, operatorKey, 'pro');
  const capabilities = { browser: { mode: 'paired-banata-browser' } };
  const sandbox = await ask(server, key, { path: '/v1/sandboxes', json: { capabilities } });
  const path = `/v1/sandboxes?id=${String(sandbox.body['id'])}`;
  await expect
    .poll(async () => (await ask(server, key, { path })).body['pairedBrowser'])
    .toMatchObject({ recording: false });
  const { pairedBrowser } = (await ask(server, key, { path })).body as {
    pairedBrowser: { sessionId: string };
  };
  const sessionPath = `/v1/browsers?id=${pairedBrowser.sessionId}`;
  expect((await ask(server, key, { path: '/v1/billing' })).body['usage']).toMatchObject({
    concurrentBrowsers: { used: 1 },
    concurrentSandboxes: { used: 1 },
  });
  await expect.poll(async () => (await ask(server, key, { path })).body['status']).toBe('ready');
  const renewed = await ask(server, key, {
    path: '/v1/sandboxes/timeout',
    json: { id: sandbox.body['id'], timeoutMs: 20 * minute },
  });
  expect((await ask(server, key, { path: sessionPath })).body['expiresAt']).toBe(renewed.body['expiresAt']);
  await ask(server, key, { method: 'DELETE', path });
  expect((await ask(server, key, { path: sessionPath })).body).toMatchObject({
    status: 'ended',
    endReason: 'Its sandbox ended.',
  });
});

test('what happens in a paired browser is told as its sandbox’s, also where much happens at once', async () => {
  const capabilities = { browser: { mode: 'paired-banata-browser', humanInLoop: true } };
  const { body } = await ask(server, operatorKey, { path: '/v1/sandboxes', json: { capabilities } });
  const id = String(body['id']);
  const shown = async (): Promise<{ sessionId: string } | null> =>
    (await ask(server, operatorKey, { path: `/v1/sandboxes?id=${id}` })).body['pairedBrowser'] as {
      sessionId: string;
    } | null;
  await expect.poll(shown, { timeout: 30_000 }).not.toBeNull();
  const sessionId = (await shown())?.sessionId ?? '';
  const post = (path: string, json: object): Promise<JsonReply> =>
    ask(server, operatorKey, { path: `/v1/sandboxes/${path}`, json: { id, ...json } });
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => [
      post('browser-preview/control', { mode: 'shared' }),
      post('browser-preview/control', { mode: 'ai' }),
      post('handoff/request', { reason: 'mfa', message: 'The code, please.' }),
      post('handoff/cancel', {}),
      post('timeout', { timeoutMs: 20 * minute }),
    ]).flat(),
  );
  expect(replies.map(({ status }) => status).filter((status) => status >= 500)).toEqual([]);
  expect(replies.some(({ body: reply }) => reply['handoff'] !== undefined)).toBe(true);
  const { data } = (await ask(server, operatorKey, { path: '/v1/events?limit=500' })).body as {
    data: { type: string; sandboxId: string }[];
  };
  const typesOf = (of: string): Set<string> =>
    new Set(data.filter(({ sandboxId }) => sandboxId === of).map(({ type }) => type));
  expect([...typesOf(sessionId)].filter((type) => !type.startsWith('session.'))).toEqual([]);
  expect([...typesOf(id)]).toEqual(
    expect.arrayContaining(['sandbox.control.changed', 'sandbox.handoff.requested', 'sandbox.browser.ready']),
  );
});

test('a profile is for one session at a time', async () => {
  const first = await create(operatorKey, { profileKey: 'shop' });
  expect(first.status).toBe(201);
  const second = await create(operatorKey, { profileKey: 'shop' });
  expect([second.status, second.body['code']]).toEqual([409, 'PROFILE_IN_USE']);
  const browser = { mode: 'paired-banata-browser', persistentProfile: true, profileKey: 'shop' };
  const paired = await ask(server, operatorKey, {
    path: '/v1/sandboxes',
    json: { capabilities: { browser } },
  });
  expect(paired.body).toMatchObject({ code: 'PROFILE_IN_USE' });
});

test('the credentials of a proxy are sealed, and a sandbox shows its proxy without them', async () => {
  const session = await create(operatorKey, { proxy });
  expect(session.body['egressProfile']).toBe('byo-proxy');
  const byoProxyUrl = 'http://ada:harbour@proxy.example:3128';
  const sandbox = await ask(server, operatorKey, {
    path: '/v1/sandboxes',
    json: { capabilities: { browser: { mode: 'none', byoProxyUrl } } },
  });
  expect(JSON.stringify(sandbox.body)).toContain('http://proxy.example:3128');
  const db = openTestDatabase(database);
  const rows = await db
    .selectFrom('sandboxes')
    .selectAll()
    .where('id', 'in', [String(session.body['id']), String(sandbox.body['id'])])
    .execute();
  await db.destroy();
  expect(rows).toHaveLength(2);
  for (const row of rows) {
    expect(row.proxy_sealed?.length).toBeGreaterThan(50);
    expect(JSON.stringify({ ...row, proxy_sealed: row.proxy_sealed?.toString('latin1') })).not.toContain(
      'harbour',
    );
  }
});

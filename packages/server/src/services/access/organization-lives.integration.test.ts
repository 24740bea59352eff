import { newId } from '@banata/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { ask, makeOrganization } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
/** Another server on the same database. */
let peer: TestServer;
let operatorKey: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database });
  // On the same host: otherwise each would take the other's boxes for lost.
  peer = await TestServer.start({ database, driver: server.driver });
  operatorKey = server.apiKey ?? '';
});
afterAll(async () => {
  await server.close();
  await peer.close();
  await postgres.close();
});

async function statusOf(id: string): Promise<string> {
  await using db = openTestDatabase(database);
  const { status } = await db
    .selectFrom('sandboxes')
    .select('status')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return status;
}

async function readySandbox(key: string): Promise<string> {
  const made = await ask(server, key, {
    path: '/v1/sandboxes',
    json: { idleTimeoutMs: null },
    headers: { prefer: 'wait=10' },
  });
  expect(made.body['status']).toBe('ready');
  return String(made.body['id']);
}

const suspend = (id: string, reason?: string) =>
  ask(server, operatorKey, { path: '/v1/organizations/suspend', json: { id, ...(reason && { reason }) } });
const resume = (id: string) => ask(server, operatorKey, { path: '/v1/organizations/resume', json: { id } });
const remove = (id: string) =>
  ask(server, operatorKey, { method: 'DELETE', path: `/v1/organizations?id=${id}` });

test('a suspended organization is refused with the reason on every server, and its sandboxes end', async () => {
  const { id, key } = await makeOrganization(server, operatorKey, null);
  const sandbox = await readySandbox(key);
  // Both servers remember the key from here on.
  expect((await ask(peer, key, { path: '/v1/sandboxes' })).status).toBe(200);

  const suspended = await suspend(id, 'The invoice of May is open.');
  expect(suspended.body).toMatchObject({
    id,
    status: 'suspended',
    suspendedReason: 'The invoice of May is open.',
  });
  expect(await statusOf(sandbox)).toBe('ended');
  for (const request of [
    { path: '/v1/sandboxes' },
    { path: '/v1/sandboxes', json: {} },
    { path: '/v1/api-keys' },
  ]) {
    const refused = await ask(server, key, request);
    expect([refused.status, refused.body['code']]).toEqual([403, 'ORGANIZATION_SUSPENDED']);
    expect(refused.body['reason']).toBe('The invoice of May is open.');
  }
  await expect
    .poll(async () => (await ask(peer, key, { path: '/v1/sandboxes' })).status, { timeout: 8_000 })
    .toBe(403);
  // The refusal is told to whoever asks who they are.
  const me = await ask(server, key, { path: '/v1/auth/me' });
  expect(me.body['organization']).toMatchObject({ status: 'suspended' });

  const listed = await ask(server, operatorKey, { path: '/v1/organizations?limit=200' });
  expect(listed.body['data']).toContainEqual(expect.objectContaining({ id, status: 'suspended' }));
  expect((await resume(id)).body).toMatchObject({ id, status: 'active', suspendedReason: null });
  expect((await ask(server, key, { path: '/v1/sandboxes' })).status).toBe(200);
  await ask(server, key, { method: 'DELETE', path: `/v1/sandboxes?id=${await readySandbox(key)}` });
});

test('event streams that are open when the organization is suspended or the key revoked end', async () => {
  const { id, key } = await makeOrganization(server, operatorKey, null);
  const made = await ask(server, key, { path: '/v1/api-keys', json: { name: 'second' } });
  const sandbox = await readySandbox(key);
  const open = async (path: string, apiKey: string): Promise<Response> => {
    const headers = { authorization: `Bearer ${apiKey}`, accept: 'text/event-stream' };
    const reply = await fetch(`${server.url}${path}`, { headers, signal: AbortSignal.timeout(50_000) });
    expect(reply.status).toBe(200);
    return reply;
  };
  const [byRevoked, ofAll, ofOne] = await Promise.all([
    open('/v1/events', String(made.body['key'])),
    open('/v1/events', key),
    open(`/v1/sandboxes/events?id=${sandbox}&after=0`, key),
  ]);
  await ask(server, key, { method: 'DELETE', path: `/v1/api-keys?id=${String(made.body['id'])}` });
  await byRevoked.text();
  await suspend(id);
  await ofAll.text();
  expect(await ofOne.text()).toContain('event: sandbox.ready');
});

test('a sandbox that a server let in at the moment of the suspension is ended too', async () => {
  const { id, key } = await makeOrganization(server, operatorKey, null);
  expect((await ask(peer, key, { path: '/v1/sandboxes' })).status).toBe(200);
  await suspend(id);
  // The peer still remembers the key for some seconds.
  const late = await ask(peer, key, { path: '/v1/sandboxes', json: { idleTimeoutMs: null } });
  expect(late.status).toBe(201);
  await expect.poll(() => statusOf(String(late.body['id'])), { timeout: 15_000 }).toBe('ended');
});

test('a deleted organization is gone: sandboxes, keys, people, webhooks; its audit log stays', async () => {
  const { id, key } = await makeOrganization(server, operatorKey, null);
  const sandbox = await readySandbox(key);
  await ask(server, key, {
    path: '/v1/webhooks',
    json: { url: 'https://example.com/hook', eventTypes: ['sandbox.ended'] },
  });
  const invited = await ask(server, key, {
    path: '/v1/users',
    json: { email: 'member@tenant.example', role: 'member' },
  });
  const { token } = invited.body['invitation'] as { token: string };
  const accepted = await server.fetch('/v1/auth/accept-invitation', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, password: 'a long password' }),
  });
  const cookie = accepted.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  expect((await server.fetch('/v1/sandboxes', { headers: { cookie } })).status).toBe(200);

  expect((await remove(id)).body).toEqual({ id, deleted: true });
  expect(await statusOf(sandbox)).toBe('ended');
  expect((await ask(server, key, { path: '/v1/sandboxes' })).status).toBe(401);
  expect((await server.fetch('/v1/sandboxes', { headers: { cookie } })).status).toBe(401);
  for (const again of [await remove(id), await suspend(id), await resume(id)])
    expect([again.status, again.body['code']]).toEqual([404, 'ORGANIZATION_NOT_FOUND']);
  const plan = await ask(server, operatorKey, {
    path: '/v1/organizations/plan',
    json: { id, plan: 'pro' },
  });
  expect(plan.status).toBe(404);
  const listed = await ask(server, operatorKey, { path: '/v1/organizations?limit=200' });
  expect(JSON.stringify(listed.body)).not.toContain(id);

  await using db = openTestDatabase(database);
  const left = async (table: 'users' | 'webhooks' | 'audit_log') =>
    (await db.selectFrom(table).select('id').where('organization_id', '=', id).execute()).length;
  expect([await left('users'), await left('webhooks')]).toEqual([0, 0]);
  expect(await left('audit_log')).toBeGreaterThanOrEqual(3);
});

test('the operator’s own organization can be neither suspended nor deleted; an unknown one is not found', async () => {
  const me = await ask(server, operatorKey, { path: '/v1/auth/me' });
  const { id } = me.body['organization'] as { id: string };
  for (const refused of [await suspend(id), await remove(id)])
    expect([refused.status, refused.body['code']]).toEqual([409, 'CONFLICT']);
  for (const refused of [await suspend(newId()), await remove(newId()), await resume(newId())])
    expect([refused.status, refused.body['code']]).toEqual([404, 'ORGANIZATION_NOT_FOUND']);
});

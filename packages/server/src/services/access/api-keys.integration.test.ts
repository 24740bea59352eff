import { newId, type Scope } from '@banata/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callApi, type Answer } from '../../testing/call-api.ts';
import { TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { TestServer } from '../../testing/test-server.ts';

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
/** Another server on the same database. */
let peer: TestServer;
let key: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database });
  peer = await TestServer.start({ database });
  key = server.apiKey ?? '';
});
afterAll(async () => {
  await server.close();
  await peer.close();
  await postgres.close();
});

type CallOptions = NonNullable<Parameters<typeof callApi>[2]>;

function call(path: string, { on = server, ...options }: CallOptions & { on?: TestServer }): Promise<Answer> {
  return callApi(on, path, options);
}

async function makeKey(scopes?: Scope[], more: object = {}): Promise<{ id: string; key: string }> {
  const { status, body } = await call('/v1/api-keys', { key, body: { name: 'made', scopes, ...more } });
  expect(status).toBe(201);
  return body;
}

async function works(apiKey: string, on = server): Promise<boolean> {
  return (await call('/v1/auth/me', { on, key: apiKey })).status === 200;
}

describe('API keys', () => {
  test('are shown once and listed with prefix, scopes and last use', async () => {
    const made = await makeKey(['sandbox_sessions:read']);
    await works(made.key);
    const { body } = await call('/v1/api-keys', { key });
    const listed = body.data.find(({ id }) => id === made.id);
    expect(listed).toMatchObject({
      scopes: ['sandbox_sessions:read'],
      prefix: made.key.slice(0, 12),
      revokedAt: null,
    });
    expect(listed?.lastUsedAt).toBeGreaterThan(0);
    expect(JSON.stringify(body)).not.toContain(made.key);
  });

  test('are listed page by page', async () => {
    for (let n = 0; n < 3; n += 1) await makeKey();
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await call(`/v1/api-keys?limit=2${cursor && `&cursor=${cursor}`}`, { key });
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.nextCursor ?? '';
    } while (cursor !== '');
    const { body } = await call('/v1/api-keys?limit=200', { key });
    expect(seen).toEqual(body.data.map(({ id }) => id));
  });

  test('a revoked key ends at once here and within 5 s on other servers', async () => {
    const made = await makeKey();
    expect([await works(made.key), await works(made.key, peer)]).toEqual([true, true]);
    const revokedAt = Date.now();
    expect((await call(`/v1/api-keys?id=${made.id}`, { key, method: 'DELETE' })).status).toBe(200);
    expect(await works(made.key)).toBe(false);
    await expect.poll(() => works(made.key, peer), { timeout: 6_000, interval: 100 }).toBe(false);
    expect(Date.now() - revokedAt).toBeLessThan(5_500);
  });

  test('cannot grant, or rotate, more than they hold', async () => {
    const full = await makeKey();
    const limited = await makeKey(['api_keys:manage', 'organization:manage', 'sandbox_sessions:read']);
    const grant = (scopes?: Scope[]) =>
      call('/v1/api-keys', { key: limited.key, body: { name: 'x', scopes } });
    expect((await grant(['sandbox_sessions:read'])).status).toBe(201);
    expect(await grant(['sandbox_sessions:exec'])).toMatchObject({
      status: 403,
      body: { requiredScope: 'sandbox_sessions:exec' },
    });
    expect(await grant()).toMatchObject({ status: 403, body: { code: 'PERMISSION_DENIED' } });
    expect((await call('/v1/api-keys/rotate', { key: limited.key, body: { id: full.id } })).status).toBe(403);
    const owner = { email: 'escalate@example.test', role: 'owner' };
    expect((await call('/v1/users', { key: limited.key, body: owner })).status).toBe(403);
  });

  test('a repeated request gets its key again, but not from another caller who may do less', async () => {
    const limited = await makeKey(['api_keys:manage']);
    const request = { body: { name: 'once' }, headers: { 'idempotency-key': 'make-the-key' } };
    const first = await call('/v1/api-keys', { key, ...request });
    const again = await call('/v1/api-keys', { key, ...request });
    expect([again.status, again.body.key]).toEqual([201, first.body.key]);
    const other = await call('/v1/api-keys', { key: limited.key, ...request });
    expect(other.status).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(other.body)).not.toContain(first.body.key);
  });

  test('rotation: both keys work during the overlap, only the new one after it', async () => {
    const old = await makeKey(['sandbox_sessions:read']);
    const { status, body } = await call('/v1/api-keys/rotate', {
      key,
      body: { id: old.id, overlapMs: 1_000 },
    });
    expect(status).toBe(201);
    expect(body.scopes).toEqual(['sandbox_sessions:read']);
    expect([await works(old.key), await works(body.key)]).toEqual([true, true]);
    expect((await call('/v1/api-keys/rotate', { key, body: { id: old.id } })).status).toBe(409);
    await sleep(1_100);
    expect([await works(old.key), await works(body.key)]).toEqual([false, true]);
  });

  test('of two rotations at once one wins', async () => {
    const old = await makeKey();
    const both = await Promise.all(
      [server, peer].map((on) => call('/v1/api-keys/rotate', { on, key, body: { id: old.id } })),
    );
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  });

  test('an expiry in the past and an empty list of scopes are refused with the field', async () => {
    expect(await call('/v1/api-keys', { key, body: { name: 'x', expiresAt: 5 } })).toMatchObject({
      status: 400,
      body: { field: 'expiresAt' },
    });
    expect(await call('/v1/api-keys', { key, body: { name: 'x', scopes: [] } })).toMatchObject({
      status: 400,
      body: { field: 'scopes' },
    });
  });
});

test('an unknown id, of any shape, is not found', async () => {
  for (const id of [newId(), 'x', '%00', '%F0%9F%A6%86', "'%3B--"]) {
    const reply = await call(`/v1/api-keys?id=${id}`, { key, method: 'DELETE' });
    expect([id, reply.status]).toEqual([id, 404]);
  }
});

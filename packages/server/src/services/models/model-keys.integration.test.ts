import type { ModelKey } from '@banata/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { ask, makeOrganization } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';

const KEY = 'sk-canary-organization-5d81f0a2';
const path = '/v1/model-keys';

let postgres: TestPostgres;
let database: TestDatabase;
let server: TestServer;
let key: string;
let strangerKey: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  server = await TestServer.start({ database });
  key = server.apiKey ?? '';
  strangerKey = (await makeOrganization(server, key, null)).key;
});
afterAll(async () => {
  await server.close();
  await postgres.close();
});

async function list(apiKey = key): Promise<ModelKey[]> {
  const { body } = await ask(server, apiKey, { path });
  return body['data'] as ModelKey[];
}

test('a key is set, shown masked, replaced and deleted', async () => {
  const model = { model: 'acme/main-1', smallModel: 'acme/small-1' };
  const set = await ask(server, key, {
    path,
    method: 'PUT',
    json: { provider: 'openrouter', apiKey: KEY, ...model },
  });
  expect(set).toMatchObject({ status: 200, body: { apiKey: '…f0a2', baseUrl: null, ...model } });
  expect(await list()).toEqual([set.body]);
  expect(await list(strangerKey)).toEqual([]);

  const json = { provider: 'openrouter', baseUrl: 'https://models.example.com/v1' };
  const replaced = await ask(server, key, { path, method: 'PUT', json });
  expect(replaced.body).toMatchObject({ apiKey: null, model: null, baseUrl: json.baseUrl });
  expect(await list()).toHaveLength(1);

  const gone = { path: `${path}?provider=openrouter`, method: 'DELETE' };
  expect(await ask(server, strangerKey, gone)).toMatchObject({
    status: 404,
    body: { code: 'MODEL_KEY_NOT_FOUND' },
  });
  expect(await ask(server, key, gone)).toMatchObject({ status: 200, body: { deleted: true } });
  expect(await ask(server, key, gone)).toMatchObject({ status: 404 });
});

test.each([
  ['no provider', { apiKey: KEY }, /provider/],
  ['another provider', { provider: 'acme', apiKey: KEY }, /openrouter.*openai.*anthropic/],
  ['neither key nor URL', { provider: 'openai', model: 'm' }, /Give apiKey, or the baseUrl/],
  ['a key with a line end', { provider: 'openai', apiKey: 'sk-a\r\nx: y' }, /printable ASCII/],
  ['a URL of another kind', { provider: 'openai', baseUrl: 'file:///etc/passwd' }, /baseUrl/],
  ['a URL with a password', { provider: 'openai', baseUrl: 'https://u:p@example.com/v1' }, /password/],
])('%s is refused', async (_what, json, allowed) => {
  const { status, body } = await ask(server, key, { path, method: 'PUT', json });
  expect({ status, code: body['code'] }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  expect(JSON.stringify(body)).toMatch(allowed);
});

test('a key is nowhere in the database or the audit log in the clear', async () => {
  await ask(server, key, { path, method: 'PUT', json: { provider: 'openai', apiKey: KEY } });
  const db = openTestDatabase(database);
  const rows = await db.selectFrom('model_keys').selectAll().execute();
  const audit = await db.selectFrom('audit_log').selectAll().execute();
  await db.destroy();
  expect(rows[0]?.key_sealed?.includes(KEY)).toBe(false);
  expect(JSON.stringify([rows, audit])).not.toContain(KEY);
  expect(JSON.stringify(audit)).toContain('modelKeys.set');
});

test('prompts take the organization’s model where the sandbox brings none', async () => {
  const made = await ask(server, strangerKey, {
    path: '/v1/sandboxes',
    json: { capabilities: { agent: { enabled: true } } },
  });
  const id = String(made.body['id']);
  await expect
    .poll(async () => (await ask(server, strangerKey, { path: `/v1/sandboxes?id=${id}` })).body['status'], {
      timeout: 30_000,
    })
    .toBe('ready');
  const prompt = { path: '/v1/sandboxes/agent/prompt-async', json: { id, prompt: 'Hello' } };
  expect(await ask(server, strangerKey, prompt)).toMatchObject({ body: { code: 'MODEL_NOT_CONFIGURED' } });
  const json = { provider: 'anthropic', apiKey: KEY, model: 'claude-test' };
  await ask(server, strangerKey, { path, method: 'PUT', json });
  expect(await ask(server, strangerKey, prompt)).toMatchObject({ status: 202 });
});

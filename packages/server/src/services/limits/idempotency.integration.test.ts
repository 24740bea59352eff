import { newId } from '@banata/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestDatabase, TestPostgres, type TestDatabase } from '../../testing/database.ts';
import { ask } from '../../testing/json-client.ts';
import { TestServer } from '../../testing/test-server.ts';

let postgres: TestPostgres;
let database: TestDatabase;
let servers: TestServer[];
let key: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  database = await postgres.create();
  const first = await TestServer.start({ database, jobs: false });
  servers = [first, await TestServer.start({ database, jobs: false })];
  key = first.apiKey ?? '';
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await postgres.close();
});

function create(name: string, json: unknown = {}, index = 0) {
  const server = servers[index % servers.length];
  if (!server) throw new Error('there is no server');
  return ask(server, key, { path: '/v1/sandboxes', json, headers: { 'idempotency-key': name } });
}

async function countSandboxes(label: string): Promise<number> {
  const db = openTestDatabase(database);
  const rows = await db.selectFrom('sandboxes').select('metadata').execute();
  await db.destroy();
  return rows.filter(({ metadata }) => metadata['label'] === label).length;
}

/** Makes of a finished request's row what a server leaves that is killed before it has answered. */
async function interrupt(name: string, change: { object_id?: string } = {}): Promise<void> {
  const db = openTestDatabase(database);
  await db
    .updateTable('idempotency_keys')
    .set({ owner: newId(), lease_until: Date.now() + 300, reply_sealed: null, ...change })
    .where('key', '=', name)
    .execute();
  await db.destroy();
}

test('a repeated request gets the same answer and makes nothing', async () => {
  const name = newId();
  const json = { metadata: { label: 'repeated', other: 'x' } };
  const first = await create(name, json);
  const again = await create(name, { metadata: { other: 'x', label: 'repeated' } }, 1);
  expect(first.status).toBe(201);
  expect(again.status).toBe(201);
  expect(again.body).toEqual(first.body);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(await countSandboxes('repeated')).toBe(1);
});

test('twenty of the same request at once on two servers make one sandbox', async () => {
  const name = newId();
  const json = { metadata: { label: 'at-once' } };
  const replies = await Promise.all(Array.from({ length: 20 }, (_, index) => create(name, json, index)));
  expect(new Set(replies.map(({ body }) => body['id'])).size).toBe(1);
  expect(replies.every(({ status }) => status === 201)).toBe(true);
  expect(await countSandboxes('at-once')).toBe(1);
});

test('a key stands for one request', async () => {
  const name = newId();
  await create(name, { runtime: 'python' });
  const other = await create(name, { runtime: 'bun' });
  expect(other.status).toBe(409);
  expect(other.body).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  expect((await create(' ', {})).body).toMatchObject({ code: 'INVALID_REQUEST' });
});

test('a refused request does not use up its key', async () => {
  const name = newId();
  const json = { size: 'no-such-size' };
  expect((await create(name, json)).body).toMatchObject({ code: 'INVALID_REQUEST' });
  expect((await create(name, {})).status).toBe(201);
});

test('killed before anything was made: the next one makes it, under the id set aside', async () => {
  const name = newId();
  const id = newId();
  const json = { metadata: { label: 'before' } };
  await create(name, json);
  await interrupt(name, { object_id: id });
  const reply = await create(name, json, 1);
  expect(reply.status).toBe(201);
  expect(reply.body).toMatchObject({ id });
  expect(await countSandboxes('before')).toBe(2);
});

test('killed after it was made: the next one answers what is there', async () => {
  const name = newId();
  const json = { metadata: { label: 'after' } };
  const first = await create(name, json);
  await interrupt(name);
  const reply = await create(name, json, 1);
  expect(reply.status).toBe(201);
  expect(reply.body['id']).toBe(first.body['id']);
  expect(await countSandboxes('after')).toBe(1);
});

test('an interrupted request for a secret is not run again', async () => {
  const name = newId();
  const [server] = servers;
  if (!server) throw new Error('there is no server');
  const request = { path: '/v1/api-keys', json: { name: 'ci' }, headers: { 'idempotency-key': name } };
  expect((await ask(server, key, request)).status).toBe(201);
  await interrupt(name);
  const reply = await ask(server, key, request);
  expect(reply.status).toBe(409);
  expect(reply.body).toMatchObject({ code: 'IDEMPOTENCY_OUTCOME_UNKNOWN' });
});

test('a secret is answered again, and is not readable in the database', async () => {
  const [server] = servers;
  if (!server) throw new Error('there is no server');
  const request = { path: '/v1/api-keys', json: { name: 'twice' }, headers: { 'idempotency-key': newId() } };
  const first = await ask(server, key, request);
  const again = await ask(server, key, request);
  expect(again.body['key']).toBe(first.body['key']);
  const db = openTestDatabase(database);
  const rows = await db.selectFrom('idempotency_keys').select('reply_sealed').execute();
  await db.destroy();
  expect(rows.some((row) => row.reply_sealed?.includes(String(first.body['key'])))).toBe(false);
});

import { afterEach, expect, test } from 'vitest';
import { BanataSandbox } from './client.ts';
import { sendJson, startTestServer, type TestServer } from './testing/http-server.ts';

let server: TestServer | undefined;

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

test('list, create, rotate and revoke send what the contract takes', async () => {
  server = await startTestServer((_request, response) =>
    sendJson(response, 200, { id: 'k', key: 'br_live_new' }),
  );
  const { apiKeys } = new BanataSandbox({ apiKey: 'br_live_x', baseUrl: server.url });
  await apiKeys.list({ limit: 5 });
  const { key } = await apiKeys.create({ name: 'reader', scopes: ['sandbox_sessions:read'] });
  await apiKeys.rotate('k', { overlapMs: 1_000 });
  await apiKeys.revoke('k');
  expect(key).toBe('br_live_new');
  expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /v1/api-keys',
    'POST /v1/api-keys',
    'POST /v1/api-keys/rotate',
    'DELETE /v1/api-keys',
  ]);
  const bodies = server.seen.map(({ body }) => (body === '' ? undefined : (JSON.parse(body) as unknown)));
  expect(bodies).toEqual([
    undefined,
    { name: 'reader', scopes: ['sandbox_sessions:read'] },
    { id: 'k', overlapMs: 1_000 },
    undefined,
  ]);
  expect([server.seen[0]?.query.get('limit'), server.seen[3]?.query.get('id')]).toEqual(['5', 'k']);
});

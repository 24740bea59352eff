import { BanataSandbox } from '@banata-boxes/sdk';
import { allRoutes } from '@banata/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';

let installation: Installation;
let key: string;
let id: string;

beforeAll(async () => {
  installation = await Installation.start();
  key = await installation.apiKey();
  const banata = new BanataSandbox({ apiKey: key, baseUrl: installation.url });
  id = (await banata.create()).id;
  await banata.waitForReady(id, 30_000);
});

afterAll(() => installation?.remove());

async function call(
  method: string,
  path: string,
  options: { body?: unknown; key?: string | null } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const authorization = options.key === null ? {} : { authorization: `Bearer ${options.key ?? key}` };
  const reply = await fetch(`${installation.url}${path}`, {
    method,
    headers: {
      ...authorization,
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(options.body === undefined
      ? {}
      : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
  });
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

const guarded = allRoutes.filter((route) => route.auth !== 'none' && route.auth !== 'link');

describe.each([
  ['no key', null],
  ['a key that does not exist', 'br_live_00000000000000000000000000000000'],
  ['something else', 'hello'],
])('with %s', (_name, wrong) => {
  test.each(guarded.map((route) => [route.id, route] as const))('%s answers 401', async (_id, route) => {
    const reply = await call(route.method, route.path, { key: wrong, ...(route.body ? { body: {} } : {}) });
    expect(reply).toMatchObject({
      status: 401,
      body: { error: 'Invalid or missing API key', code: 'UNAUTHORIZED' },
    });
  });
});

test.each(
  allRoutes
    .filter((route) => route.auth === 'link' && route.reply.kind !== 'websocket')
    // Input is parsed first: routes that need more are in the server's authorization matrix.
    .filter((route) => !('body' in route) || route.body.safeParse({}).success)
    .map((route) => [route.id, route] as const),
)('%s refuses a link it did not sign', async (_id, route) => {
  const body = route.body ? { body: {} } : {};
  const reply = await call(route.method, `${route.path}?token=eyJ9.AAAA`, { key: null, ...body });
  expect(reply).toMatchObject({ status: 401, body: { code: 'LINK_INVALID' } });
});

const unknown = 'a'.repeat(32);

test.each([
  ['GET', `/v1/sandboxes?id=${unknown}`, undefined],
  ['GET', '/v1/sandboxes?id=nonsense', undefined],
  ['DELETE', `/v1/sandboxes?id=${unknown}`, undefined],
  ['POST', '/v1/sandboxes/exec', { id: unknown, command: 'true' }],
  ['POST', '/v1/sandboxes/code', { id: unknown, code: '1' }],
  ['GET', `/v1/sandboxes/fs/read?id=${unknown}&path=x`, undefined],
  ['POST', '/v1/sandboxes/opencode/prompt', { id: unknown, prompt: 'x' }],
  ['GET', `/v1/sandboxes/artifacts?id=${unknown}`, undefined],
])('%s %s: 404', async (method, path, body) => {
  const reply = await call(method, path, { body });
  expect(reply).toMatchObject({
    status: 404,
    body: { error: 'Sandbox session not found', code: 'SANDBOX_NOT_FOUND' },
  });
});

test.each([
  [{ runtime: 'ruby' }, "Invalid runtime: 'ruby'. Must be one of: base, bun, python"],
  [{ size: 'huge' }, "Invalid size: 'huge'. Must be one of: standard"],
  [{ region: 'Frankfurt' }, "Invalid region: 'Frankfurt'. Must be three lowercase letters"],
  [{ maxDurationMs: -1 }, 'Invalid maxDurationMs: -1.'],
  [{ nonsense: 1 }, 'Unknown field: nonsense'],
  [{ capabilities: { browser: { mode: 'firefox' } } }, "Invalid capabilities.browser.mode: 'firefox'."],
  [{ env: { 'A B': 'x' } }, 'Invalid env.A B'],
])('creating with %j is refused by name', async (body, message) => {
  const reply = await call('POST', '/v1/sandboxes', { body });
  expect(reply).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  expect(reply.body['error']).toContain(message);
});

test.each([
  ['recording', { browser: { mode: 'none', recording: true } }],
  ['persistentProfile', { browser: { mode: 'none', persistentProfile: true } }],
  ['detectors', { browser: { mode: 'paired-banata-browser' }, handoff: { detectors: ['login'] } }],
])('%s without a browser that has it is refused, not ignored', async (name, capabilities) => {
  const reply = await call('POST', '/v1/sandboxes', { body: { capabilities } });
  expect(reply).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  expect(reply.body['error']).toContain(name);
});

test.each([['stealth'], ['captcha']])('%s is refused as not supported, not ignored', async (name) => {
  const reply = await call('POST', '/v1/browsers', { body: { [name]: true } });
  expect(reply).toMatchObject({ status: 400, body: { code: 'NOT_SUPPORTED' } });
  expect(reply.body['error']).toContain(name);
});

test.each([
  ['POST', '/v1/sandboxes/exec', {}, 'Missing required field: id'],
  ['POST', '/v1/sandboxes/exec', '{', 'not valid JSON'],
  ['POST', '/v1/sandboxes', '', 'The body is empty'],
  ['POST', '/v1/sandboxes/exec', { id: 'x', command: 'true', timeout: 'soon' }, "Invalid timeout: 'soon'"],
  ['GET', '/v1/sandboxes/fs/read', undefined, 'Missing required field: id'],
])('%s %s with %j: 400', async (method, path, body, message) => {
  const reply = await call(method, path, { body });
  expect(reply.status).toBe(400);
  expect(reply.body['error']).toContain(message);
});

test('agent and browser that are off answer 409 with the documented text', async () => {
  expect(await call('POST', '/v1/sandboxes/opencode/prompt', { body: { id, prompt: 'x' } })).toMatchObject({
    status: 409,
    body: { error: 'OpenCode is not enabled' },
  });
  expect(await call('GET', `/v1/sandboxes/browser-preview?id=${id}`)).toMatchObject({
    status: 409,
    body: { code: 'BROWSER_NOT_ENABLED' },
  });
});

test('a prompt API that is switched off answers 403 with the documented text', async () => {
  const created = await call('POST', '/v1/sandboxes', {
    body: {
      env: { BANATA_MODEL: 'demo' },
      capabilities: { opencode: { enabled: true, allowPromptApi: false } },
    },
  });
  const sandboxId = String(created.body['id']);
  await expect
    .poll(async () => (await call('GET', `/v1/sandboxes?id=${sandboxId}`)).body['status'], {
      timeout: 20_000,
    })
    .toBe('ready');
  expect(
    await call('POST', '/v1/sandboxes/opencode/prompt', { body: { id: sandboxId, prompt: 'x' } }),
  ).toMatchObject({
    status: 403,
    body: { error: 'OpenCode prompt API is disabled for this sandbox' },
  });
  await call('DELETE', `/v1/sandboxes?id=${sandboxId}`);
});

test('an ended sandbox answers 409', async () => {
  const created = await call('POST', '/v1/sandboxes', { body: {} });
  const sandboxId = String(created.body['id']);
  await call('DELETE', `/v1/sandboxes?id=${sandboxId}`);
  expect(
    await call('POST', '/v1/sandboxes/exec', { body: { id: sandboxId, command: 'true' } }),
  ).toMatchObject({
    status: 409,
    body: { error: 'Sandbox is not ready', code: 'SANDBOX_NOT_READY', status: 'ended' },
  });
  expect(await call('DELETE', `/v1/sandboxes?id=${sandboxId}`)).toMatchObject({
    status: 200,
    body: { status: 'ended' },
  });
});

test('files: missing, forbidden and foolish paths', async () => {
  expect(await call('GET', `/v1/sandboxes/fs/read?id=${id}&path=/no/such`)).toMatchObject({
    status: 404,
    body: { code: 'FILE_NOT_FOUND' },
  });
  expect(await call('GET', `/v1/sandboxes/fs/read?id=${id}&path=/etc/shadow`)).toMatchObject({
    status: 403,
    body: { code: 'FILE_ACCESS_DENIED' },
  });
  expect((await call('GET', `/v1/sandboxes/fs/read?id=${id}&path=/workspace`)).status).toBe(400);
  expect((await call('GET', `/v1/sandboxes/fs/read?id=${id}&path=a%00b`)).status).toBe(400);
});

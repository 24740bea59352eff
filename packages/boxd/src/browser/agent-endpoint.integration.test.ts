import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { AgentEndpoint } from './agent-endpoint.ts';
import { jsonList, jsonVersion } from './browser-control.ts';
import { CdpBroker } from './cdp-broker.ts';
import { Pages } from './pages.ts';
import { WebSocketAcceptor } from './web-socket.ts';

const SWITCHES = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-sync'];

let profile: string;
let browser: ChildProcess;
let broker: CdpBroker;
let endpoint: AgentEndpoint;
let url: string;

beforeAll(async () => {
  profile = await mkdtemp(join(tmpdir(), 'banata-endpoint-'));
  const switches = [...SWITCHES, '--disable-background-networking', `--user-data-dir=${profile}`];
  browser = spawn('/usr/lib/chromium/chromium', [...switches, '--remote-debugging-pipe', 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  broker = new CdpBroker({
    input: browser.stdio[3] as Writable,
    output: browser.stdio[4] as Readable,
    policy: (kind, method) =>
      kind === 'agent' && method === 'Page.reload' ? { code: -32000, message: 'agents may not' } : undefined,
    onEvent: (event) => pages.handle(event),
    onEnd: () => {},
  });
  let opened = (): void => {};
  const open = new Promise<void>((done) => (opened = done));
  const pages = new Pages(broker, () => Promise.resolve(undefined), { onFirst: opened });
  const acceptor = new WebSocketAcceptor({ maxPayload: 1024 * 1024 });
  endpoint = new AgentEndpoint({
    version: (socketUrl) => jsonVersion({ broker }, socketUrl),
    list: (socketUrl) => jsonList({ pages }, socketUrl),
    connect: (request, socket, head) =>
      acceptor.accept(request, socket, head, (client) => broker.connect(client, 'agent')),
  });
  await endpoint.listen();
  url = endpoint.url!;
  await broker.call('Target.setDiscoverTargets', { discover: true }, { timeoutMs: 30_000 });
  await open;
});

afterAll(async () => {
  broker?.close('the test is over');
  await endpoint?.close();
  if (browser?.exitCode === null && browser.kill('SIGKILL')) await once(browser, 'exit');
  await rm(profile, { recursive: true, force: true, maxRetries: 10 });
});

test('connectOverCDP takes the URL and finds the open page', async () => {
  const client = await chromium.connectOverCDP(url);
  const [page] = client.contexts()[0]!.pages();
  expect(page!.url()).toBe('about:blank');
  expect(await page!.evaluate('6 * 7')).toBe(42);
  await expect(page!.reload()).rejects.toThrow('agents may not');
  await client.close();
  expect(endpoint.url).toBe(url);
});

test('is closed without the secret', async () => {
  const { origin } = new URL(url);
  expect((await fetch(`${url}/json/version/`)).status).toBe(200);
  expect((await fetch(`${url}/json/list`)).status).toBe(200);
  expect((await fetch(`${url}/other`)).status).toBe(404);
  expect((await fetch(`${origin}/json/version`)).status).toBe(404);
  expect((await fetch(`${origin}/${'x'.repeat(32)}/json/version`)).status).toBe(404);
  const socket = new WebSocket(`${origin.replace('http:', 'ws:')}/${'x'.repeat(32)}/cdp`);
  expect(((await once(socket, 'error')) as [Error])[0].message).toMatch(/404/);
});

test('is closed to pages, even with the secret', async () => {
  const headers = { origin: 'http://evil.test' };
  expect((await fetch(`${url}/json/version`, { headers })).status).toBe(404);
  const socket = new WebSocket(`${url.replace('http:', 'ws:')}/cdp`, { headers });
  expect(((await once(socket, 'error')) as [Error])[0].message).toMatch(/404/);
});

test('close ends the clients too, and at once', async () => {
  const socket = new WebSocket(`${url.replace('http:', 'ws:')}/cdp`);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  await endpoint.close();
  await closed;
  expect(endpoint.url).toBeUndefined();
});

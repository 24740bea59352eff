import { BanataSandbox, BrowserCloud } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import type { ProxyVisit } from '@banata/boxd/testing/auth-proxy';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeInternet } from './support/fake-internet.ts';
import { Installation } from './support/installation.ts';

const KEY = 'sk-proxy-canary';
const PASSWORD = 'harbour:42@pier';
const [HTTP_PORT, SOCKS_PORT] = [3128, 1080];
const proxyMain = fileURLToPath(new URL('./support/auth-proxy-main.ts', import.meta.url));

let internet: FakeInternet;
let installation: Installation;
let proxies: ChildProcess;
let model: ScriptedModel;
let banata: BanataSandbox;
let cloud: BrowserCloud;
const visits: (ProxyVisit & { proxy: string })[] = [];

beforeAll(async () => {
  // No name of the sites: they are found by the proxy alone.
  internet = await FakeInternet.start(({ addresses }) => ({ 'proxy.example': [[addresses.c]] }));
  const { a, c } = internet.addresses;
  const common = { host: c, username: 'ada', password: PASSWORD, address: a };
  const settings = [
    { ...common, kind: 'http', port: HTTP_PORT },
    { ...common, kind: 'socks5', port: SOCKS_PORT },
  ];
  const inside = ['netns', 'exec', internet.namespace, process.execPath, proxyMain, JSON.stringify(settings)];
  proxies = spawn('ip', inside, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!proxies.stdout) throw new Error('the proxies have no output');
  const lines = createInterface(proxies.stdout);
  await once(lines, 'line');
  lines.on('line', (line) => visits.push(JSON.parse(line)));
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({
    BANATA_DNS: internet.dns,
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
  });
  const client = { apiKey: await installation.apiKey(), baseUrl: installation.url };
  banata = new BanataSandbox(client);
  cloud = new BrowserCloud(client);
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
  proxies?.kill('SIGKILL');
  await internet?.remove();
});

/** Sites that a proxy was asked for with the right password. */
function seen(proxy: string): string[] {
  return visits
    .filter((visit) => visit.proxy === proxy && visit.allowed)
    .map(({ host, port }) => `${host}:${port}`);
}

test.each([
  ['http', HTTP_PORT],
  ['socks5', SOCKS_PORT],
])('browser and commands of a sandbox go through an %s proxy with a password', async (kind, port) => {
  const byoProxyUrl = `${kind}://ada:${encodeURIComponent(PASSWORD)}@proxy.example:${port}`;
  await using sandbox = await banata.launch({
    capabilities: { browser: { byoProxyUrl, viewport: { width: 800, height: 600 } } },
  });
  const fetched = await sandbox.exec(
    'curl -sSm 10 http://curl.example/a; curl -sSkm 10 https://tls.example/b',
  );
  expect(fetched.stdout).toContain('"url":"/a"');
  expect(fetched.stdout).toContain('"url":"/b"');
  const node = await sandbox.exec('node', [
    '-e',
    "fetch('http://node.example/').then((r) => console.log(r.status))",
  ]);
  expect(node.stdout.trim()).toBe('200');
  await sandbox.exec('sudo curl -sSm 10 http://root.example/');
  const { url } = await sandbox.browser.navigate('http://browser.example/');
  expect(url).toBe('http://browser.example/');
  expect(seen(kind)).toEqual(
    expect.arrayContaining([
      'curl.example:80',
      'tls.example:443',
      'node.example:80',
      'root.example:80',
      'browser.example:80',
    ]),
  );
  expect(visits.filter(({ allowed, proxy }) => proxy === kind && !allowed)).toEqual([]);

  // The password is nowhere to be seen: not in the reply, environment, processes, nor the server's log.
  const shown = await banata.get(sandbox.id);
  expect(shown.capabilities?.browser?.byoProxyUrl).toBe(`${kind}://proxy.example:${port}`);
  const listing = await sandbox.exec(
    'env; ps axww -o args; cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n"',
  );
  expect(listing.stdout).toContain('HTTP_PROXY=http://127.0.0.1:');
  for (const text of [listing.stdout, await installation.log(), JSON.stringify(shown)]) {
    expect(text).not.toContain('harbour');
  }
});

test('a fork goes through the proxy of the sandbox it comes from, whose password is nowhere in the clear', async () => {
  const byoProxyUrl = `http://ada:${encodeURIComponent(PASSWORD)}@proxy.example:${HTTP_PORT}`;
  await using sandbox = await banata.launch({ capabilities: { browser: { byoProxyUrl } } });
  await using copy = await sandbox.fork();
  expect(copy.session.capabilities?.browser?.byoProxyUrl).toBe(`http://proxy.example:${HTTP_PORT}`);
  const fetched = await copy.exec('curl -sSm 20 http://fork-curl.example/a');
  expect(fetched.stdout).toContain('"url":"/a"');
  await copy.browser.navigate('http://fork-browser.example/');
  expect(seen('http')).toEqual(expect.arrayContaining(['fork-curl.example:80', 'fork-browser.example:80']));
  // grep answers 1 where it finds nothing.
  const places = ['postgres', 'server.log'].map((name) => join(installation.home, name));
  const look = spawn('grep', ['-rqaE', 'harbour(:|%3A)42', ...places], { stdio: 'ignore' });
  expect(await once(look, 'exit')).toEqual([1, null]);
});

test('a browser session goes through its proxy; names that only the proxy knows included', async () => {
  const proxy = {
    protocol: 'http' as const,
    host: 'proxy.example',
    port: HTTP_PORT,
    username: 'ada',
    password: PASSWORD,
  };
  await using session = await cloud.launch({ egressProfile: 'byo-proxy', proxy });
  expect(session.session.egressProfile).toBe('byo-proxy');
  const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl });
  const [page] = await browser.pages();
  const reply = await page?.goto('http://session.example/ship');
  expect(await reply?.text()).toContain('"url":"/ship"');
  expect(seen('http')).toContain('session.example:80');
  await browser.disconnect();
});

test('model calls of the agent do not go through the proxy; its browser does', async () => {
  const byoProxyUrl = `http://ada:${encodeURIComponent(PASSWORD)}@proxy.example:${HTTP_PORT}`;
  await using sandbox = await banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: { browser: { byoProxyUrl }, agent: { enabled: true } },
  });
  const url = 'http://agent.example/berths';
  const { taskId } = await sandbox.promptAsync(
    `SCENARIO:research url=${url} path=/workspace/report.md content="42 crowns" reply="Report written."`,
  );
  expect((await sandbox.waitForTask(taskId)).status).toBe('completed');
  expect(seen('http')).toContain('agent.example:80');
  expect(visits.map(({ host }) => host)).not.toContain('host.banata.internal');
});

test('rules of the network hold for the proxy too, and what is no proxy is refused', async () => {
  const byoProxyUrl = `http://ada:${encodeURIComponent(PASSWORD)}@proxy.example:${HTTP_PORT}`;
  await using sandbox = await banata.launch({
    network: { egress: 'none' },
    capabilities: { browser: { mode: 'none', byoProxyUrl } },
  });
  const fetched = await sandbox.exec('curl -sSm 5 http://closed.example/');
  expect(fetched.stdout).not.toContain('"url"');
  expect(seen('http')).not.toContain('closed.example:80');
  await expect(
    banata.create({ capabilities: { browser: { byoProxyUrl: 'ftp://ada:harbour@proxy.example' } } }),
  ).rejects.toMatchObject({ code: 'INVALID_REQUEST', message: expect.not.stringContaining('harbour') });
});

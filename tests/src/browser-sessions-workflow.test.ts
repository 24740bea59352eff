import { BanataSandbox, BrowserCloud } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { createServer, type Server } from 'node:http';
import { chromium } from 'playwright-core';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, Installation } from './support/installation.ts';

const KEY = 'sk-browser-sessions';
/** Waiting for deadlines takes long. */
const everything = process.env['BANATA_TEST_ALL'] === '1';

let installation: Installation;
let cloud: BrowserCloud;
let banata: BanataSandbox;
let apiKey: string;
let model: ScriptedModel;
let site: Server;
let pagePort: number;
const visits: string[] = [];

beforeAll(async () => {
  pagePort = await freePort();
  site = createServer((request, response) => {
    visits.push(request.url ?? '');
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end('<!doctype html><title>Harbour prices</title><h1>Berth 7 costs 42 crowns</h1>');
  });
  await new Promise<void>((resolve) => site.listen(pagePort, '127.0.0.1', resolve));
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
    BANATA_HOST_PORTS: String(pagePort),
  });
  apiKey = await installation.apiKey();
  cloud = new BrowserCloud({ apiKey, baseUrl: installation.url });
  banata = new BanataSandbox({ apiKey, baseUrl: installation.url });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
  site?.close();
});

const berths = (path: string): string => `http://host.banata.internal:${pagePort}/${path}`;

/** A page too many, which a page opens, is closed, and the one that opened it goes on. */
async function expectClosedAgain(browser: Browser, page: Page | undefined): Promise<void> {
  expect(await page?.evaluate(() => window.open('about:blank') !== null)).toBe(true);
  const count = async (): Promise<number> => (await browser.pages()).length;
  await expect.poll(count, { timeout: 5_000 }).toBe(4);
  await expect.poll(count, { timeout: 12_000 }).toBe(3);
  expect(await page?.title()).toBe('Harbour prices');
}

async function expectStatus(id: string, status: string): Promise<void> {
  await expect.poll(async () => (await cloud.get(id)).status, { timeout: 20_000 }).toBe(status);
}

async function sessionEvents(id: string): Promise<string[]> {
  const reply = await fetch(`${installation.url}/v1/events?limit=500`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  const { data } = (await reply.json()) as { data: { type: string; sandboxId: string }[] };
  return data.filter(({ sandboxId }) => sandboxId === id).map(({ type }) => type);
}

test('create, ready, drive with playwright, ended by the disconnect', async () => {
  const queued = await cloud.create();
  expect(queued).toMatchObject({
    status: 'queued',
    cdpUrl: null,
    weight: 'light',
    isolation: 'shared',
    egressProfile: 'shared-dc',
    duration: null,
  });
  await expect.poll(async () => (await cloud.get(queued.id)).status, { timeout: 30_000 }).toBe('ready');
  const { cdpUrl } = await cloud.get(queued.id);
  const browser = await chromium.connectOverCDP(cdpUrl ?? '');
  const page = browser.contexts()[0]?.pages()[0];
  await page?.goto(berths('playwright'));
  expect(await page?.title()).toBe('Harbour prices');
  await expect.poll(async () => (await cloud.get(queued.id)).status).toBe('active');
  expect((await cloud.list()).data.map(({ id }) => id)).toContain(queued.id);

  await browser.close();
  await expect.poll(async () => (await cloud.get(queued.id)).status, { timeout: 15_000 }).toBe('ended');
  const ended = await cloud.get(queued.id);
  expect(ended).toMatchObject({ cdpUrl: null, endReason: 'Its CDP client disconnected.' });
  expect(ended.duration).toBeGreaterThan(0);
  expect((await cloud.list()).data.map(({ id }) => id)).not.toContain(queued.id);
  expect(await sessionEvents(queued.id)).toEqual([
    'session.created',
    'session.assigned',
    'session.ready',
    'session.ending',
    'session.ended',
  ]);
});

test('puppeteer drives a launched session; pages are held to its weight; it is no sandbox', async () => {
  await using session = await cloud.launch({ weight: 'light', viewport: { width: 1000 } });
  const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl });
  const [page] = await browser.pages();
  await page?.goto(berths('puppeteer'));
  expect(await page?.title()).toBe('Harbour prices');
  await browser.newPage();
  await browser.newPage();
  await expect(browser.newPage()).rejects.toThrow('3 pages');
  if (everything) await expectClosedAgain(browser, page);
  expect(new URL(session.previewViewerUrl ?? '').pathname).toBe('/view');
  expect((await session.startPreview()).viewport.width).toBe(1000);

  await expect(banata.get(session.sessionId)).rejects.toMatchObject({ code: 'SANDBOX_NOT_FOUND' });
  expect((await banata.list()).data.map(({ id }) => id)).not.toContain(session.sessionId);
  // A second client keeps it when the first goes.
  const other = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl });
  await other.pages();
  await browser.disconnect();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect((await cloud.get(session.sessionId)).status).toBe('active');
  await other.disconnect();
  await expectStatus(session.sessionId, 'ended');
});

if (everything)
  test('a session ends at its time limit, whether or not a client is there', async () => {
    const session = await cloud.launch({ maxDurationMs: 6_000 });
    const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl });
    const gone = new Promise<void>((resolve) => browser.once('disconnected', () => resolve()));
    await browser.pages();
    await gone;
    const ended = await cloud.get(session.sessionId);
    expect(ended.endReason).toBe('Ended at its maximum duration.');
  });

if (everything)
  test('the session of a client that left while the server was down ends after it is back', async () => {
    const session = await cloud.launch();
    const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl });
    await browser.pages();
    await expectStatus(session.sessionId, 'active');
    await installation.stopServer('SIGKILL');
    await browser.disconnect();
    await installation.startServer();
    await expectStatus(session.sessionId, 'ended');
  });

test.each([
  [{ weight: 'ultra' }, 400, 'INVALID_REQUEST'],
  [{ stealth: true }, 400, 'NOT_SUPPORTED'],
  [{ captcha: true }, 400, 'NOT_SUPPORTED'],
  [{ egressProfile: 'static-residential' }, 400, 'NOT_SUPPORTED'],
  [{ egressProfile: 'byo-proxy' }, 400, 'INVALID_REQUEST'],
  [
    { egressProfile: 'shared-dc', proxy: { protocol: 'http', host: 'proxy.example', port: 1 } },
    400,
    'INVALID_REQUEST',
  ],
  [{ region: 'IAD' }, 400, 'INVALID_REQUEST'],
])('%j is refused', async (options, status, code) => {
  await expect(cloud.create(options as never)).rejects.toMatchObject({ status, code });
});

test('the agent of a sandbox drives its paired browser, which ends with it', async () => {
  const sandbox = await banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: {
      browser: { mode: 'paired-banata-browser', viewport: { width: 1024, height: 768 } },
      agent: { enabled: true },
    },
  });
  const paired = (await banata.get(sandbox.id)).pairedBrowser;
  expect(paired?.sessionId).not.toBe(sandbox.id);
  expect(await cloud.get(paired?.sessionId ?? '')).toMatchObject({
    status: 'ready',
    pairedWith: sandbox.id,
  });
  // No browser in the sandbox's own box.
  expect((await sandbox.exec('pgrep -c chromium || true')).stdout.trim()).toBe('0');

  const { taskId } = await sandbox.promptAsync(
    `SCENARIO:research url=${berths('agent')} path=/workspace/report.md content="42 crowns" reply="Report written."`,
  );
  const task = await sandbox.waitForTask(taskId);
  expect(task.status).toBe('completed');
  expect(visits).toContain('/agent');
  const browser = await chromium.connectOverCDP(paired?.cdpUrl ?? '');
  expect(
    browser
      .contexts()[0]
      ?.pages()
      .map((page) => page.url()),
  ).toContain(berths('agent'));
  await browser.close();
  // Its client going is no reason for a browser that belongs to a sandbox to end.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const preview = await sandbox.getPreview();
  expect(preview).toMatchObject({ status: 'ready', url: berths('agent'), title: 'Harbour prices' });
  await expect(cloud.close(paired?.sessionId ?? '')).rejects.toMatchObject({ code: 'CONFLICT' });

  await sandbox.kill();
  expect(await cloud.get(paired?.sessionId ?? '')).toMatchObject({
    status: 'ended',
    endReason: 'Its sandbox ended.',
  });
});

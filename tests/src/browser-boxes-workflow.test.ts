import { BanataSandbox, BrowserCloud, type BanataEvent, type Sandbox } from '@banata-boxes/sdk';
import { chromium, type Page } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REPORT, startBrowserSite, type BrowserSite } from './support/browser-site.ts';
import {
  endpointsOf,
  PLAYWRIGHT_ANSWER,
  playwrightScript,
  PUPPETEER_ANSWER,
  puppeteerScript,
} from './support/cdp-scripts.ts';
import { Installation } from './support/installation.ts';
import { probeFilm } from './support/probe-film.ts';
import { until } from './support/until.ts';

let installation: Installation;
let banata: BanataSandbox;
let cloud: BrowserCloud;
/** A sandbox with ffprobe. */
let lab: Sandbox;
let site: BrowserSite;
let origin: string;

beforeAll(async () => {
  site = await startBrowserSite();
  ({ origin } = site);
  installation = await Installation.start({ BANATA_HOST_PORTS: String(site.port) });
  const client = { apiKey: await installation.apiKey(), baseUrl: installation.url };
  banata = new BanataSandbox(client);
  cloud = new BrowserCloud(client);
  lab = await banata.launch();
});

afterAll(async () => {
  await installation?.remove();
  site?.close();
});

async function launch(browser: object = {}): Promise<Sandbox> {
  return banata.launch({ capabilities: { browser: { mode: 'paired-banata-browser', ...browser } } });
}

async function withPage<T>(sandbox: Sandbox, work: (page: Page) => Promise<T>): Promise<T> {
  const { cdpUrl } = await sandbox.getPreview();
  const browser = await chromium.connectOverCDP(cdpUrl);
  try {
    const page = browser.contexts()[0]?.pages()[0];
    if (!page) throw new Error('the browser has no page');
    return await work(page);
  } finally {
    await browser.close();
  }
}

async function eventsOf(sandbox: Sandbox): Promise<BanataEvent[]> {
  const found: BanataEvent[] = [];
  for await (const event of sandbox.events({ signal: AbortSignal.timeout(30_000) })) found.push(event);
  return found;
}

async function ended(id: string): Promise<Awaited<ReturnType<BrowserCloud['get']>>> {
  await expect.poll(async () => (await cloud.get(id)).status, { timeout: 60_000 }).toBe('ended');
  return cloud.get(id);
}

async function download(url: string | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const reply = await fetch(url ?? '');
  expect(reply.status).toBe(200);
  return new Uint8Array(await reply.arrayBuffer());
}

interface HarEntry {
  request: { method: string; url: string; headers: { name: string }[] };
  response: { status: number; headers: { name: string }[]; redirectURL: string; _error?: string };
}

test('a paired browser is filmed, and its login survives the sandbox', async () => {
  const kept = { persistentProfile: true, profileKey: 'paired', recording: { frameRate: 5 } };
  const first = await launch(kept);
  expect(first.session.pairedBrowser).toMatchObject({ recording: true, persistentProfile: true });
  expect((await first.browser.navigate(`${origin}/`)).title).toBe('Please sign in');
  await first.browser.navigate(`${origin}/login`);
  await expect(launch(kept)).rejects.toMatchObject({ status: 409, code: 'PROFILE_IN_USE' });
  expect(await first.profile.save()).toMatchObject({ profileKey: 'paired', inUseBy: first.id });
  const [running] = await first.recording.list();
  expect(running).toMatchObject({ state: 'recording', frameRate: 5 });
  const pairedId = first.session.pairedBrowser?.sessionId ?? '';
  await first.kill();

  const { data } = await first.artifacts.list({ kind: 'recording' });
  expect(data).toHaveLength(1);
  const film = await probeFilm(lab, await first.artifacts.download(data[0]!.key));
  expect(film).toMatchObject({ codec: 'h264', width: 1280, height: 800 });
  expect(film.seconds).toBeGreaterThan(0.5);
  expect((await cloud.get(pairedId)).artifacts.recording).toMatchObject({ key: data[0]!.key });
  const types = (await eventsOf(first)).map(({ type }) => type);
  const once = [
    'sandbox.browser.ready',
    'sandbox.recording.started',
    'sandbox.recording.stopped',
    'sandbox.ended',
  ];
  for (const type of once) expect(types.filter((found) => found === type)).toEqual([type]);
  expect(types).toContain('sandbox.profile.saved');
  expect(types.indexOf('sandbox.recording.stopped')).toBeLessThan(types.indexOf('sandbox.ended'));

  await using second = await launch({ persistentProfile: true, profileKey: 'paired' });
  expect((await second.browser.navigate(`${origin}/`)).title).toBe('Welcome back, Ada');
  await second.kill();
  expect(await banata.profiles.delete('paired')).toBe(true);
});

test('downloads come to the workspace, and its files go to file inputs', async () => {
  await using sandbox = await launch();
  await sandbox.fs.write('/workspace/downloads/report.txt', 'of the sandbox itself');
  await sandbox.fs.write('/workspace/offers/ada.txt', 'forty-two');
  await sandbox.fs.write('/workspace/grace.txt', 'forty-three');
  await sandbox.browser.navigate(`${origin}/upload`);
  const paths = ['/workspace/offers/ada.txt', '/workspace/grace.txt'];
  await sandbox.browser.giveFiles(paths, { selector: '#file' });
  const found = await withPage(sandbox, async (page) => {
    const texts = await page.evaluate(async () => {
      const { files } = document.querySelector<HTMLInputElement>('#file')!;
      return Promise.all([...files!].map(async (file) => [file.name, await file.text()]));
    });
    await page.click('a');
    return texts;
  });
  expect(found).toEqual([
    ['ada.txt', 'forty-two'],
    ['grace.txt', 'forty-three'],
  ]);
  await expect(
    sandbox.browser.giveFiles(['/workspace/missing.txt'], { selector: '#file' }),
  ).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });

  const brought = '/workspace/downloads/report (1).txt';
  await expect.poll(() => sandbox.fs.exists(brought), { timeout: 30_000 }).toBe(true);
  expect(await sandbox.fs.read(brought)).toBe(REPORT);
  expect(await sandbox.fs.read('/workspace/downloads/report.txt')).toBe('of the sandbox itself');
  await sandbox.kill();
  const download = (await eventsOf(sandbox)).find(({ type }) => type === 'sandbox.browser.download');
  expect(download?.data).toMatchObject({ state: 'completed', fileName: 'report (1).txt', path: brought });
});

test('a person takes over a paired browser by the page of a request, and gives it back', async () => {
  await using sandbox = await launch({ humanInLoop: true });
  await sandbox.browser.navigate(`${origin}/code`);
  const { cdpUrl } = await sandbox.getPreview();
  const client = await chromium.connectOverCDP(cdpUrl);
  const asked = await sandbox.requestHumanHandoff({ reason: 'mfa', message: 'Enter the code.' });
  expect(asked.preview).toMatchObject({ controlMode: 'human' });
  await expect(sandbox.browser.navigate(origin)).rejects.toMatchObject({ code: 'CONTROL_HELD_BY_HUMAN' });
  await expect(client.contexts()[0]!.pages()[0]!.evaluate('1 + 1')).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  expect((await sandbox.getPreview()).handoff).toMatchObject({ requestId: asked.handoff.requestId });

  const person = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    const page = await person.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(asked.viewerUrl ?? '');
    await page.locator('canvas').first().waitFor({ timeout: 30_000 });
    await page.getByRole('button', { name: 'Take control' }).click();
    await page.getByText('You have control.').waitFor();
    expect((await sandbox.getPreview()).controlMode).toBe('human');
    const screen = page.getByRole('application').locator('canvas').first();
    await until('the code arrives', async () => {
      await screen.click().catch(() => undefined);
      await page.keyboard.type('1234\n', { delay: 20 });
      return site.codes.includes('1234') ? true : undefined;
    });
    await page.getByRole('button', { name: 'Done' }).click();
    const status = async () => (await sandbox.getHumanHandoff()).handoff?.status;
    await expect.poll(status, { timeout: 30_000 }).toBe('completed');
  } finally {
    await person.close();
  }
  expect((await sandbox.getPreview()).controlMode).toBe('ai');
  expect((await sandbox.browser.navigate(`${origin}/upload`)).title).toBe('Upload');
  await client.close();
  await sandbox.kill();
  const types = (await eventsOf(sandbox)).map(({ type }) => type);
  expect(types.filter((type) => type.startsWith('sandbox.handoff.'))).toEqual([
    'sandbox.handoff.requested',
    'sandbox.handoff.accepted',
    'sandbox.handoff.completed',
  ]);
  expect(types).toContain('sandbox.control.changed');
});

test('a browser pauses and resumes with its sandbox, and a killed server brings them together again', async () => {
  await using sandbox = await launch();
  const pairedId = sandbox.session.pairedBrowser?.sessionId ?? '';
  await sandbox.browser.navigate(`${origin}/upload`);
  await withPage(sandbox, (page) => page.evaluate(() => (document.title = 'Left off here')));
  await sandbox.pause();
  expect((await banata.get(sandbox.id)).status).toBe('paused');
  expect(await cloud.get(pairedId)).toMatchObject({ status: 'paused', cdpUrl: null });
  await expect(sandbox.getPreview()).rejects.toMatchObject({ code: 'SANDBOX_NOT_READY' });
  await sandbox.resume();
  expect((await sandbox.getPreview()).title).toBe('Left off here');

  await Promise.allSettled([sandbox.pause(), installation.stopServer('SIGKILL')]);
  await installation.startServer();
  const status = async (): Promise<string> => (await banata.get(sandbox.id)).status;
  await expect.poll(status, { timeout: 60_000 }).toMatch(/^(paused|ready|active)$/);
  if ((await status()) === 'paused') await sandbox.resume();
  const title = async (): Promise<string | null> =>
    sandbox.getPreview().then(
      (preview) => preview.title,
      () => null,
    );
  await expect.poll(title, { timeout: 60_000 }).toBe('Left off here');
  await sandbox.kill();
  expect((await cloud.get(pairedId)).status).toBe('ended');
});

test('a session leaves film, HAR file and pictures behind, and its profile', async () => {
  const session = await cloud.launch({
    recording: { frameRate: 5 },
    har: true,
    screenshots: true,
    profileKey: 'session',
  });
  await expect(cloud.create({ profileKey: 'session' })).rejects.toMatchObject({ code: 'PROFILE_IN_USE' });
  const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl, defaultViewport: null });
  const [page] = await browser.pages();
  await page!.goto(`${origin}/moved`);
  const second = await browser.newPage();
  await second.goto(`${origin}/framed`);
  expect(await second.title()).toBe('Framed');
  const id = session.sessionId;
  const connection = await session.getPreviewConnection();
  expect(connection).toMatchObject({ sessionId: id, rawUrl: connection?.wsUrl });
  expect(connection?.rawUrl).toContain(`session=${id}&token=${connection?.token}`);
  const picture = await session.screenshot();
  expect(Buffer.from(picture).subarray(1, 4).toString()).toBe('PNG');
  expect((await cloud.get(id)).artifacts).toMatchObject({ har: null, recording: null });
  await browser.disconnect();

  const { artifacts, endReason } = await ended(id);
  expect(endReason).toBe('Its CDP client disconnected.');
  expect(artifacts.screenshots).toHaveLength(2);
  expect(await download(artifacts.screenshots[0]!.url)).toEqual(picture);
  const film = await probeFilm(lab, await download(artifacts.recording?.url));
  expect(film).toMatchObject({ codec: 'h264', width: 1280, height: 800 });
  const text = new TextDecoder().decode(await download(artifacts.har?.url));
  expect(text).not.toContain('login=ada');
  const { log } = JSON.parse(text) as { log: { version: string; entries: HarEntry[] } };
  expect(log.version).toBe('1.2');
  const seen = log.entries.map(({ request, response }) => [request.url.replace(origin, ''), response.status]);
  expect(seen).toEqual(
    expect.arrayContaining([
      ['/moved', 302],
      ['/login?step=2', 200],
      ['/framed', 200],
      ['http://127.0.0.1:1/refused', 0],
    ]),
  );
  expect(seen.filter(([url]) => url === '/framed')).toHaveLength(1);

  const later = await cloud.launch({ profileKey: 'session' });
  expect((await later.navigatePreview(`${origin}/`)).title).toBe('Welcome back, Ada');
  await later.close();
  expect((await cloud.get(later.sessionId)).artifacts).toEqual({
    screenshots: [],
    har: null,
    recording: null,
  });
  expect(await banata.profiles.delete('session')).toBe(true);
});

test('a session without a workspace says so when it is to take files from one', async () => {
  await using session = await cloud.launch();
  const reply = await fetch(`${installation.url}/v1/sandboxes/browser-preview/files`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await installation.apiKey()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ id: session.sessionId, paths: ['/workspace/a.txt'], selector: 'input' }),
  });
  expect(reply.status).toBe(400);
  expect(await reply.json()).toMatchObject({ code: 'NOT_SUPPORTED' });
});

const modes: [string, () => Promise<{ cdpUrl: string; end: () => Promise<void> }>][] = [
  ...(['local-chromium', 'paired-banata-browser'] as const).map((mode): (typeof modes)[number] => [
    mode,
    async () => {
      const sandbox = await banata.launch({ capabilities: { browser: { mode } } });
      const { cdpUrl } = sandbox.session.pairedBrowser!;
      return { cdpUrl, end: () => sandbox.kill().then(() => undefined) };
    },
  ]),
  [
    'a browser session',
    async () => {
      const session = await cloud.launch({ weight: 'medium' });
      // It would end when the first script is done.
      const keeper = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl });
      await keeper.pages();
      const end = async (): Promise<void> => {
        await keeper.disconnect();
        await session.close();
      };
      return { cdpUrl: session.cdpUrl, end };
    },
  ],
];

describe.each(modes)('scripts of others against %s', (_name, open) => {
  test('Playwright, Puppeteer, the HTTP addresses, and both at once', async () => {
    const { cdpUrl, end } = await open();
    try {
      expect(await playwrightScript(cdpUrl, origin)).toEqual(PLAYWRIGHT_ANSWER);
      // `browser.close()` ended the client, not the browser.
      expect(await puppeteerScript(cdpUrl, origin)).toEqual(PUPPETEER_ANSWER);
      const { version, pages } = await endpointsOf(cdpUrl);
      expect(await playwrightScript(version, origin)).toEqual(PLAYWRIGHT_ANSWER);
      expect(pages).toHaveLength(1);
      const http = await chromium.connectOverCDP(cdpUrl.replace(/^ws/, 'http'));
      const other = await puppeteer.connect({ browserWSEndpoint: cdpUrl, defaultViewport: null });
      const page = await other.newPage();
      await page.goto(`${origin}/second`);
      const titles = async (): Promise<string[]> =>
        Promise.all(
          http
            .contexts()[0]!
            .pages()
            .map((one) => one.title()),
        );
      await expect.poll(titles, { timeout: 30_000 }).toEqual(['Berths', 'Second']);
      await page.close();
      await Promise.all([http.close(), other.disconnect()]);
    } finally {
      await end();
    }
  });
});

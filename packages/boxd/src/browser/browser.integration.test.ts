import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { readdir, readFile, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startInImage } from './testing/image-process.ts';
import type { ImageProcess } from './testing/image-process.ts';

const TOKEN = 'integration-test-token-0123456789abcdef';
const HEADERS = { authorization: `Bearer ${TOKEN}` };

/** Fills the page with a picture that no encoder makes small. */
const NOISE = `{
  const noise = document.createElement('canvas');
  Object.assign(noise, { width: 1200, height: 3000 });
  const context = noise.getContext('2d');
  const image = context.createImageData(1200, 3000);
  for (let i = 0; i < image.data.length; i += 1) image.data[i] = Math.random() * 256;
  context.putImageData(image, 0, 0);
  document.body.append(noise);
}`;

interface Line {
  type?: string;
  agentEndpoint?: string;
}

let box: ImageProcess;
let site: Server;
let base: string;
let pageUrl: string;
let agentEndpoint: string;
const lines: Line[] = [];
let wake: () => void = () => {};

async function line(matches: (line: Line) => boolean, from = 0): Promise<Line> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = lines.slice(from).find(matches);
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`Not seen in time; seen: ${JSON.stringify(lines)}`);
    await new Promise<void>((done) => {
      wake = done;
      setTimeout(done, 250);
    });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

function call(path: string, body?: object): Promise<Response> {
  const init = body
    ? {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { ...HEADERS, 'content-type': 'application/json' },
      }
    : { headers: HEADERS };
  return fetch(`${base}${path}`, init);
}

const currentUrl = async (): Promise<unknown> => (await browserState())['url'];
async function browserState(): Promise<Record<string, unknown>> {
  return (await (await call('/browser')).json()) as Record<string, unknown>;
}
const cdpUrl = (): string => `${base.replace('http:', 'ws:')}/browser/cdp`;
const overPlaywright = () => chromium.connectOverCDP(cdpUrl(), { headers: HEADERS });
const overPuppeteer = () =>
  puppeteer.connect({ browserWSEndpoint: cdpUrl(), headers: HEADERS, defaultViewport: null });

/** Host pids of the processes in the box whose command line has `text`. */
async function pidsOf(text: string): Promise<number[]> {
  const namespace = (pid: string): Promise<string> =>
    readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!command.includes(text) || !(await namespace(pid)).includes(box.upperDir)) continue;
    found.push(Number(pid));
  }
  return found;
}

beforeAll(async () => {
  const layers = process.env['BANATA_TEST_IMAGE_LAYERS'];
  if (!layers)
    throw new Error('Set BANATA_TEST_IMAGE_LAYERS to the layer directories of the image, top first.');
  site = createServer((request, response) => {
    if (request.url === '/file.bin') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.alloc(70_000, 'x'));
    } else if (request.url === '/never') {
      response.writeHead(200, { 'content-type': 'text/html' }).write('<title>Slow</title>');
    } else if (request.url === '/moved') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<script>location = "/blue"</script>');
    } else {
      const colour = request.url?.slice(1) || 'white';
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<title>Page ${colour}</title><body style="background:${colour}"><h1>Hello</h1></body>`);
    }
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  pageUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  const serve = '/opt/repository/packages/boxd/src/browser/testing/serve.ts';
  box = await startInImage(layers, ['/usr/local/bin/node', serve, String(port), TOKEN]);
  createInterface({ input: box.process.stdout! }).on('line', (text) => {
    lines.push(JSON.parse(text) as Line);
    wake();
  });
  ({ agentEndpoint = '' } = await line((seen) => seen.agentEndpoint !== undefined));
  await line((seen) => seen.type === 'browser.ready');
}, 60_000);

afterAll(async () => {
  await box?.stop();
  site?.closeAllConnections();
  await new Promise((done) => site.close(done));
});

describe('the page', () => {
  test('navigate opens an address, state and screenshot show it', async () => {
    const blank = Buffer.from(await (await call('/browser/screenshot')).arrayBuffer());
    const reply = await call('/browser/navigate', { url: `${pageUrl}/tomato` });
    expect(await reply.json()).toEqual({ url: `${pageUrl}/tomato`, title: 'Page tomato' });
    expect(await browserState()).toEqual({
      state: 'ready',
      reason: null,
      viewport: { width: 1280, height: 800 },
      url: `${pageUrl}/tomato`,
      title: 'Page tomato',
    });
    const response = await call('/browser/screenshot');
    expect(response.headers.get('content-type')).toBe('image/png');
    const picture = Buffer.from(await response.arrayBuffer());
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect(picture.equals(blank)).toBe(false);
    const jpeg = Buffer.from(await (await call('/browser/screenshot?format=jpeg')).arrayBuffer());
    expect(jpeg.subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
  });

  test('follows a page that sends itself on', async () => {
    const reply = await call('/browser/navigate', { url: `${pageUrl}/moved` });
    expect(await reply.json()).toEqual({ url: `${pageUrl}/blue`, title: 'Page blue' });
  });

  test.each([
    ['file:///etc/passwd', 400, 'INVALID_URL'],
    ['javascript:alert(1)', 400, 'INVALID_URL'],
    ['chrome://settings', 400, 'INVALID_URL'],
    ['not an address', 400, 'INVALID_URL'],
    ['http://127.0.0.1:9/', 502, 'NAVIGATION_FAILED'],
  ])('%s is refused', async (url, status, code) => {
    const reply = await call('/browser/navigate', { url });
    expect([reply.status, await reply.json()]).toEqual([status, expect.objectContaining({ code })]);
  });

  test('a page that never finishes ends the wait in time', async () => {
    const reply = await call('/browser/navigate', { url: `${pageUrl}/never`, timeoutMs: 700 });
    expect([reply.status, await reply.json()]).toEqual([
      504,
      expect.objectContaining({ code: 'NAVIGATION_TIMEOUT' }),
    ]);
    await call('/browser/navigate', { url: 'about:blank' });
  });

  test('an unknown picture format is refused', async () => {
    const reply = await call('/browser/screenshot?format=gif');
    expect([reply.status, await reply.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'INVALID_FORMAT' }),
    ]);
  });

  test('a download lands in the workspace, for the user to take', async () => {
    const reply = await call('/browser/navigate', { url: `${pageUrl}/file.bin` });
    expect(await reply.json()).toMatchObject({ code: 'NAVIGATION_DOWNLOAD' });
    const file = join(box.upperDir, 'workspace/downloads/file.bin');
    await expect
      .poll(
        () =>
          stat(file).then(
            ({ size }) => size,
            () => 0,
          ),
        { timeout: 5_000 },
      )
      .toBe(70_000);
    const { mode, uid, gid } = await stat(file);
    expect({ mode: mode & 0o777, uid, gid }).toEqual({ mode: 0o664, uid: 900, gid: 1000 });
  });
});

describe('CDP clients', () => {
  test('playwright and puppeteer share the browser; one leaves, the other goes on', async () => {
    const [one, two] = await Promise.all([overPlaywright(), overPuppeteer()]);
    const page = one.contexts()[0]!.pages()[0]!;
    await page.goto(`${pageUrl}/gold`);
    const [same] = await two.pages();
    expect(await same!.title()).toBe('Page gold');
    const extra = await two.newPage();
    await extra.goto(`${pageUrl}/teal`);
    await expect
      .poll(() =>
        one
          .contexts()[0]!
          .pages()
          .map((open) => open.url()),
      )
      .toContain(`${pageUrl}/teal`);
    await two.disconnect();
    expect(await page.evaluate('document.title')).toBe('Page gold');
    const other = one
      .contexts()[0]!
      .pages()
      .find((open) => open.url().endsWith('/teal'))!;
    await other.close();
    // A screenshot in full length comes as one large message.
    await page.evaluate(NOISE);
    expect((await page.screenshot({ fullPage: true })).length).toBeGreaterThan(100_000);
    await one.close();
    expect((await call('/browser')).status).toBe(200);
  });

  test('the page a client finds first is the one in front, also among several tabs', async () => {
    const client = await overPlaywright();
    const context = client.contexts()[0]!;
    const first = context.pages()[0]!;
    await first.goto(`${pageUrl}/red`);
    const second = await context.newPage();
    await second.goto(`${pageUrl}/green`);
    await expect.poll(currentUrl).toBe(`${pageUrl}/green`);
    await first.bringToFront();
    await expect.poll(currentUrl).toBe(`${pageUrl}/red`);
    await second.close();
    await client.close();
  });

  test('Browser.close ends the client and not the browser', async () => {
    const pids = await pidsOf('--no-startup-window');
    const client = await overPuppeteer();
    await client.close();
    expect((await call('/browser')).status).toBe(200);
    expect(await pidsOf('--no-startup-window')).toEqual(pids);
  });

  test('the last tab closed brings a fresh one, in the same browser', async () => {
    const pids = await pidsOf('--no-startup-window');
    const client = await overPlaywright();
    const context = client.contexts()[0]!;
    for (const page of context.pages()) await page.close();
    await expect.poll(() => context.pages().length, { timeout: 5_000 }).toBe(1);
    await client.close();
    expect(await pidsOf('--no-startup-window')).toEqual(pids);
  });

  test('a silent client that holds new targets does not stop the others', async () => {
    const silent = new WebSocket(cdpUrl(), { headers: HEADERS });
    await new Promise((done) => silent.once('open', done));
    const params = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true };
    silent.send(JSON.stringify({ id: 1, method: 'Target.setAutoAttach', params }));
    await new Promise((done) => silent.once('message', done));
    const client = await overPlaywright();
    const page = await client.contexts()[0]!.newPage();
    await page.goto(`${pageUrl}/pink`, { timeout: 15_000 });
    expect(await page.title()).toBe('Page pink');
    await page.close();
    await client.close();
    silent.terminate();
  }, 30_000);

  test('one page alone through its own address', async () => {
    const list = (await (await call('/browser/json/list')).json()) as {
      id: string;
      webSocketDebuggerUrl: string;
    }[];
    const path = list[0]!.webSocketDebuggerUrl;
    expect(path).toBe(`/browser/cdp?targetId=${list[0]!.id}`);
    const socket = new WebSocket(`${base.replace('http:', 'ws:')}${path}`, { headers: HEADERS });
    await new Promise((done) => socket.once('open', done));
    socket.send(JSON.stringify({ id: 7, method: 'Runtime.evaluate', params: { expression: '6 * 7' } }));
    const reply = await new Promise<Buffer>((done) => socket.once('message', done));
    expect(JSON.parse(reply.toString())).toMatchObject({ id: 7, result: { result: { value: 42 } } });
    socket.terminate();
  });

  test('without the token nobody connects', async () => {
    const socket = new WebSocket(cdpUrl());
    const status = await new Promise((done) => {
      socket.once('unexpected-response', (_request, response) => done(response.statusCode));
    });
    expect(status).toBe(401);
  });
});

describe('the desktop', () => {
  test('answers RFB through the WebSocket', async () => {
    const socket = new WebSocket(`${base.replace('http:', 'ws:')}/browser/vnc`, 'binary', {
      headers: HEADERS,
    });
    const hello = await new Promise<Buffer>((done) => socket.once('message', done));
    expect(socket.protocol).toBe('binary');
    expect(hello.toString()).toBe('RFB 003.008\n');
    socket.send(hello);
    const types = await new Promise<Buffer>((done) => socket.once('message', done));
    expect(types).toEqual(Buffer.from([1, 1]));
    socket.close();
  });

  test('resize changes desktop and window', async () => {
    const reply = await call('/browser/resize', { width: 1000, height: 700 });
    expect(await reply.json()).toEqual({ width: 1000, height: 700 });
    expect((await browserState())['viewport']).toEqual({ width: 1000, height: 700 });
    const client = await overPlaywright();
    const page = client.contexts()[0]!.pages()[0]!;
    await expect.poll(() => page.evaluate('window.innerWidth')).toBe(1000);
    await client.close();
    await call('/browser/resize', { width: 1280, height: 800 });
  });
});

describe("the agent's endpoint", () => {
  test('takes connectOverCDP and shows the visible tab', async () => {
    await call('/browser/navigate', { url: `${pageUrl}/olive` });
    const client = await chromium.connectOverCDP(agentEndpoint);
    expect(client.contexts()[0]!.pages()[0]!.url()).toBe(`${pageUrl}/olive`);
    await client.close();
  });

  test('is closed without the secret, and to pages', async () => {
    const { origin } = new URL(agentEndpoint);
    expect((await fetch(`${origin}/json/version`)).status).toBe(404);
    expect((await fetch(`${origin}/${'x'.repeat(32)}/json/version`)).status).toBe(404);
    expect((await fetch(`${agentEndpoint}/json/version`)).status).toBe(200);
    const fromPage = await fetch(`${agentEndpoint}/json/version`, {
      headers: { origin: 'http://evil.test' },
    });
    expect(fromPage.status).toBe(404);
  });
});

describe('supervision', () => {
  test.each(['--no-startup-window', 'Xvnc'])('%s killed comes back, and ready', async (text) => {
    const from = lines.length;
    const [pid] = await pidsOf(text);
    process.kill(pid!, 'SIGKILL');
    await line((seen) => seen.type === 'browser.ready', from);
    const reply = await call('/browser/navigate', { url: `${pageUrl}/navy` });
    expect(await reply.json()).toMatchObject({ title: 'Page navy' });
    const client = await overPlaywright();
    expect(client.contexts()[0]!.pages()[0]!.url()).toBe(`${pageUrl}/navy`);
    await client.close();
    expect(await pidsOf('Xvnc')).toHaveLength(1);
  });
});

import { readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BoxEvent, BoxExecResult } from '@banata/protocol/box';
import { createParser } from 'eventsource-parser';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { copyDaemon } from '../testing/daemon-copy.ts';
import { startImageBox } from '../testing/image-box.ts';
import type { ImageBox } from '../testing/image-box.ts';
import { imageLayers } from '../testing/image-layers.ts';

const CONFIG = {
  sandboxId: 'browser-test',
  runtime: 'base',
  env: {},
  browser: { viewport: { width: 1280, height: 800 }, persistentProfile: false },
  agent: null,
};

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

let boxDirectory: string;
let box: ImageBox;
let site: Server;
let pageUrl: string;
let headers: Record<string, string>;
const events: BoxEvent[] = [];
const reading = new AbortController();

/** Follows the journal, over a restart of the daemon too. */
async function readEvents(): Promise<void> {
  const { signal } = reading;
  const parser = createParser({ onEvent: ({ data }) => events.push(JSON.parse(data) as BoxEvent) });
  while (!signal.aborted) {
    try {
      const { body } = await box.fetch(`/events?after=${events.at(-1)?.cursor ?? 0}`, { signal });
      parser.reset();
      for await (const chunk of body!.pipeThrough(new TextDecoderStream())) parser.feed(chunk);
    } catch {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

const count = (type: string): number => events.filter(({ body }) => body.type === type).length;
async function readyAgain(before: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (count('browser.ready') <= before) {
    if (Date.now() > deadline) throw new Error(`The browser did not come up: ${await box.log()}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

function call(path: string, body?: object): Promise<Response> {
  if (!body) return box.fetch(path);
  const type = { 'content-type': 'application/json' };
  return box.fetch(path, { method: 'POST', body: JSON.stringify(body), headers: type });
}

async function exec(command: string, user = 'user'): Promise<string> {
  const reply = await call('/exec', { command, user, timeoutMs: 10_000 });
  const { stdout, stderr } = (await reply.json()) as BoxExecResult;
  return stdout + stderr;
}

async function browserState(): Promise<Record<string, unknown>> {
  return (await (await call('/browser')).json()) as Record<string, unknown>;
}

const currentUrl = async (): Promise<unknown> => (await browserState())['url'];
const socketUrl = (path: string): string => box.url.replace('http:', 'ws:') + path;
const overPlaywright = () => chromium.connectOverCDP(socketUrl('/browser/cdp'), { headers });
const overPuppeteer = () =>
  puppeteer.connect({ browserWSEndpoint: socketUrl('/browser/cdp'), headers, defaultViewport: null });
const overVnc = (): WebSocket => new WebSocket(socketUrl('/browser/vnc'), 'binary', { headers });
const message = (socket: WebSocket): Promise<Buffer> => new Promise((done) => socket.once('message', done));

/** Host pids of the processes in the box whose command line has `text`. */
async function pidsOf(text: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await box.processes()) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(text)) found.push(pid);
  }
  return found;
}

async function serveSite(): Promise<void> {
  site = createServer((request, response) => {
    if (request.url?.startsWith('/script?')) {
      const script = decodeURIComponent(request.url.slice('/script?'.length));
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end(`<title>Dialog</title><script>${script}</script>`);
      return;
    }
    if (request.url === '/file.bin') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.alloc(70_000, 'x'));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html' });
    const colour = request.url?.slice(1) || 'white';
    if (colour === 'silent') return;
    if (colour === 'never') response.write('<title>Slow</title>');
    else if (colour === 'moved') response.end('<script>location = "/blue"</script>');
    else
      response.end(`<title>Page ${colour}</title><body style="background:${colour}"><h1>Hello</h1></body>`);
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  pageUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  boxDirectory = await copyDaemon();
  await serveSite();
  box = await startImageBox({ layers: imageLayers(process.env), boxDirectory, pids: 1024 });
  headers = { authorization: `Bearer ${box.token}` };
  void readEvents();
  const { status } = await box.send('PUT', '/config', CONFIG);
  expect(status).toBe(200);
  await readyAgain(0);
}, 60_000);

afterAll(async () => {
  reading.abort();
  await box?.close();
  site?.closeAllConnections();
  await new Promise((done) => site.close(done));
  await rm(boxDirectory, { recursive: true, force: true });
});

describe('the page', () => {
  test('navigate opens an address, state and screenshot show it', async () => {
    const blank = Buffer.from(await (await call('/browser/screenshot')).arrayBuffer());
    const reply = await call('/browser/navigate', { url: `${pageUrl}/tomato` });
    expect(await reply.json()).toEqual({ url: `${pageUrl}/tomato`, title: 'Page tomato' });
    expect(await browserState()).toEqual({
      state: 'ready',
      reason: null,
      clients: 0,
      viewport: { width: 1280, height: 800 },
      url: `${pageUrl}/tomato`,
      title: 'Page tomato',
      control: { epoch: 0, mode: 'ai', controller: null },
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

  test('an address that never answers ends the wait in time, and is not in the way of the next', async () => {
    await call('/browser/navigate', { url: `${pageUrl}/plum` });
    for (let round = 0; round < 2; round += 1) {
      const reply = await call('/browser/navigate', { url: `${pageUrl}/silent`, timeoutMs: 700 });
      expect([reply.status, await reply.json()]).toEqual([
        504,
        expect.objectContaining({ code: 'NAVIGATION_TIMEOUT' }),
      ]);
    }
    const next = await call('/browser/navigate', { url: `${pageUrl}/tomato` });
    expect(await next.json()).toMatchObject({ url: `${pageUrl}/tomato`, title: 'Page tomato' });
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
    const file = join(box.root, 'workspace/downloads/file.bin');
    await expect
      .poll(
        () =>
          stat(file).then(
            // It belongs to the user's group once it is whole.
            ({ size, gid }) => (gid === 1000 ? size : 0),
            () => 0,
          ),
        { timeout: 5_000 },
      )
      .toBe(70_000);
    const { mode, uid, gid } = await stat(file);
    expect({ mode: mode & 0o777, uid, gid }).toEqual({ mode: 0o664, uid: 900, gid: 1000 });
  });

  test('a dialog that nobody answers holds up neither the next address, nor a picture, nor a client', async () => {
    const page = (script: string): string => `${pageUrl}/script?${encodeURIComponent(script)}`;
    const go = async (url: string): Promise<unknown> =>
      (await call('/browser/navigate', { url, timeoutMs: 20_000 })).json();
    expect(await go(page('alert(1)'))).toMatchObject({ title: 'Dialog' });
    const picture = await call('/browser/screenshot');
    expect([picture.status, (await picture.arrayBuffer()).byteLength > 1000]).toEqual([200, true]);
    expect(await go('about:blank')).toMatchObject({ url: 'about:blank' });
    expect(await go(page('confirm(2)'))).toMatchObject({ title: 'Dialog' });
    const browser = await overPlaywright();
    expect(await browser.contexts()[0]!.pages()[0]!.evaluate('1 + 1')).toBe(2);
    await browser.close();
    await go('about:blank');
  });

  test('a page that prints goes on, and its PDF lies among the downloads', async () => {
    const browser = await overPlaywright();
    const page = browser.contexts()[0]!.pages()[0]!;
    await page.goto('data:text/html,<title>Printed</title><p>on paper');
    await page.evaluate('setTimeout(() => window.print()); 0');
    const file = join(box.root, 'workspace/downloads/Printed.pdf');
    await expect
      .poll(() => readFile(file, 'latin1').catch(() => ''), { timeout: 30_000 })
      .toMatch(/%%EOF\s*$/);
    expect(await page.title()).toBe('Printed');
    await browser.close();
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
    const silent = new WebSocket(socketUrl('/browser/cdp'), { headers });
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
    const socket = new WebSocket(socketUrl(path), { headers });
    await new Promise((done) => socket.once('open', done));
    socket.send(JSON.stringify({ id: 7, method: 'Runtime.evaluate', params: { expression: '6 * 7' } }));
    const reply = await new Promise<Buffer>((done) => socket.once('message', done));
    expect(JSON.parse(reply.toString())).toMatchObject({ id: 7, result: { result: { value: 42 } } });
    socket.terminate();
  });

  test('without the token nobody connects', async () => {
    const socket = new WebSocket(socketUrl('/browser/cdp'));
    const status = await new Promise((done) => {
      socket.once('unexpected-response', (_request, response) => done(response.statusCode));
    });
    expect(status).toBe(401);
  });
});

describe('the desktop', () => {
  test('answers RFB through the WebSocket', async () => {
    const socket = overVnc();
    const hello = await message(socket);
    expect(socket.protocol).toBe('binary');
    expect(hello.toString()).toBe('RFB 003.008\n');
    socket.send(hello);
    expect(await message(socket)).toEqual(Buffer.from([1, 1]));
    socket.close();
  });

  test('viewers that leave early do not lock others out', async () => {
    for (let i = 0; i < 12; i += 1) {
      const socket = overVnc();
      expect((await message(socket)).toString()).toBe('RFB 003.008\n');
      socket.terminate();
    }
  });

  test('is closed to the user of commands and agent', async () => {
    const askDisplay = 'for s in /tmp/.X11-unix/X*; do DISPLAY=:${s##*X} xset q; done';
    const withCookie = `export XAUTHORITY=/run/boxd/browser/Xauthority; ${askDisplay}`;
    expect(await exec(withCookie, 'root')).toMatch(/Keyboard Control/);
    expect(await exec(withCookie)).toMatch(/Authorization required/);
    expect(await exec(askDisplay)).toMatch(/Authorization required/);
    expect(await exec('ls /run/boxd/browser/rfb')).toMatch(/Permission denied/);
    expect(await exec('ls /home/desktop/profile')).toMatch(/Permission denied/);
    expect(await exec('ls /proc/$(pgrep -f no-startup-window | head -1)/fd')).toMatch(/Permission denied/);
  });

  test('resize changes desktop and window', async () => {
    const reply = await call('/browser/resize', { width: 1000, height: 700 });
    expect(await reply.json()).toEqual({ width: 1000, height: 700 });
    expect((await browserState())['viewport']).toEqual({ width: 1000, height: 700 });
    const client = await overPlaywright();
    const page = client.contexts()[0]!.pages()[0]!;
    const frame = '[innerWidth, outerWidth, outerHeight, screenX, screenY].join()';
    await expect.poll(() => page.evaluate(frame)).toBe('1000,1000,700,0,0');
    await client.close();
    await call('/browser/resize', { width: 1280, height: 800 });
  });
});

describe('supervision', () => {
  test.each(['--no-startup-window', 'Xvnc'])('%s killed comes back, and ready', async (text) => {
    const before = count('browser.ready');
    const [pid] = await pidsOf(text);
    process.kill(pid!, 'SIGKILL');
    await readyAgain(before);
    const reply = await call('/browser/navigate', { url: `${pageUrl}/navy` });
    expect(await reply.json()).toMatchObject({ title: 'Page navy' });
    const client = await overPlaywright();
    expect(client.contexts()[0]!.pages()[0]!.url()).toBe(`${pageUrl}/navy`);
    await client.close();
    expect(await pidsOf('Xvnc')).toHaveLength(1);
  });

  test('a daemon that is killed comes back with the browser, and clients may come at once', async () => {
    const old = await pidsOf('no-startup-window');
    const [daemon] = await pidsOf('boxd.cjs');
    process.kill(daemon!, 'SIGKILL');
    await expect
      .poll(
        () =>
          call('/health').then(
            ({ ok }) => ok,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    const client = await overPlaywright();
    await client.contexts()[0]!.pages()[0]!.goto(`${pageUrl}/lime`);
    expect(await browserState()).toMatchObject({ state: 'ready', title: 'Page lime' });
    await client.close();
    const now = await pidsOf('no-startup-window');
    expect(now).toHaveLength(1);
    expect(old).not.toEqual(now);
    expect(await pidsOf('Xvnc')).toHaveLength(1);
  });

  test('a browser that ends again and again is given up, and the reason told', async () => {
    const deadline = Date.now() + 50_000;
    while (count('browser.failed') === 0 && Date.now() < deadline) {
      for (const pid of await pidsOf('--no-startup-window')) process.kill(pid, 'SIGKILL');
      await new Promise((done) => setTimeout(done, 100));
    }
    const state = await browserState();
    expect(state).toMatchObject({ state: 'failed', viewport: null });
    expect(state['reason']).toMatch(/Chromium ended: SIGKILL[^]*not started again/);
    expect(await (await call('/browser/navigate', { url: pageUrl })).json()).toMatchObject({
      code: 'BROWSER_FAILED',
    });
    await expect(overPlaywright()).rejects.toThrow(/503/);
    expect(await pidsOf('Xvnc')).toEqual([]);
  });
});

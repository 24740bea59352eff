import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BoxControl } from '@banata/protocol/box';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ImageBox } from '../testing/image-box.ts';
import { startBrowserBox } from '../testing/browser-box.ts';
import type { BrowserBox } from '../testing/browser-box.ts';

const PAGE = `<!doctype html><title>Form</title><body style="margin:0">
<input id="name" style="position:absolute;left:10px;top:10px;width:600px;height:40px">
<input id="file" type="file" multiple style="position:absolute;left:10px;top:60px">
<button id="add" style="position:absolute;left:10px;top:100px;width:100px;height:40px"
  onclick="this.dataset.clicks = 1 + Number(this.dataset.clicks ?? 0)"
  ondblclick="this.dataset.doubles = 1 + Number(this.dataset.doubles ?? 0)">Add</button>
<div id="drag" style="position:absolute;left:200px;top:100px;width:100px;height:100px"></div>
<a id="download" href="/report.bin" download style="position:absolute;left:10px;top:160px">Report</a>
<div style="height:5000px"></div>
<script>
  window.seen = [];
  const drag = document.querySelector('#drag');
  for (const type of ['mousedown', 'mousemove', 'mouseup']) {
    addEventListener(type, (e) => { if (e.buttons || type === 'mouseup') seen.push(type); });
  }
  addEventListener('keydown', (e) => { window.lastKey = [e.ctrlKey, e.shiftKey, e.key].join(' '); });
</script>`;

let browserBox: BrowserBox;
let site: Server;
let origin: string;
let playwright: Browser;
let page: Page;
let epoch = 0;

beforeAll(async () => {
  site = createServer((request, response) => {
    if (request.url === '/report.bin') {
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(Buffer.alloc(5000));
    } else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(PAGE);
  });
  await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  browserBox = await startBrowserBox();
  playwright = await connect();
  page = playwright.contexts()[0]!.pages()[0]!;
}, 90_000);

afterAll(async () => {
  await playwright?.close();
  await browserBox?.close();
  site?.closeAllConnections();
  await new Promise((done) => site.close(done));
});

beforeEach(async () => {
  await control('ai');
  await page.goto(origin);
});

const connect = (): Promise<Browser> =>
  chromium.connectOverCDP(browserBox.socketUrl('/browser/cdp'), { headers: browserBox.headers });
async function put(body: BoxControl): Promise<BoxControl> {
  return (await browserBox.box.send('PUT', '/browser/control', body)).body as BoxControl;
}
async function control(mode: BoxControl['mode'], controller: string | null = null): Promise<void> {
  epoch += 1;
  expect(await put({ epoch, mode, controller })).toEqual({ epoch, mode, controller });
}
const act = (body: object): Promise<{ status: number; body: Record<string, unknown> }> =>
  browserBox.box.send('POST', '/browser/computer', body);
const valueOf = (): Promise<string> => page.locator('#name').inputValue();
/** Where a point of the page is on the desktop: below the browser's own bars. */
async function onDesktop(x: number, y: number): Promise<{ x: number; y: number }> {
  const bars = await page.evaluate('outerHeight - innerHeight');
  return { x, y: y + (bars as number) };
}

test('a person in control stops every client on its open socket, and only them', async () => {
  const other = await puppeteer.connect({
    browserWSEndpoint: browserBox.socketUrl('/browser/cdp'),
    headers: browserBox.headers,
    defaultViewport: null,
  });
  const [same] = await other.pages();
  const waiting = page.evaluate('new Promise((done) => setTimeout(() => done(document.title), 60000))');
  const refused = expect(waiting).rejects.toThrow('CONTROL_HELD_BY_HUMAN: Ada');
  const from = browserBox.events.length;
  await control('human', 'Ada');
  await refused;
  await expect(page.goto(`${origin}/else`)).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  await expect(page.evaluate('1')).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  await expect(same!.evaluate('1')).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  const startedAt = performance.now();
  await expect(page.locator('#add').click({ timeout: 20_000 })).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  await expect(other.newPage()).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  expect((await browserBox.event('control.refused', from)).data).toMatchObject({ client: 'cdp' });
  expect(await act({ action: 'type', text: 'x' })).toMatchObject({
    status: 409,
    body: { code: 'CONTROL_HELD_BY_HUMAN' },
  });
  await control('ai');
  expect(await page.evaluate('document.title')).toBe('Form');
  expect(await same!.evaluate('document.querySelector("#add").dataset.clicks')).toBeUndefined();
  await other.disconnect();
});

test('beside a person clients connect, see the tabs and take pictures', async () => {
  await control('human');
  const late = await connect();
  const latePage = late.contexts()[0]!.pages()[0]!;
  await expect.poll(() => latePage.url()).toBe(`${origin}/`);
  const session = await late.newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets');
  expect(targetInfos.some(({ url }) => url === `${origin}/`)).toBe(true);
  const pageSession = await latePage.context().newCDPSession(latePage);
  const { data } = await pageSession.send('Page.captureScreenshot');
  expect(data.length).toBeGreaterThan(1000);
  await expect(pageSession.send('Network.getCookies')).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  await control('ai');
  expect(await latePage.evaluate('6 * 7')).toBe(42);
  await late.close();
});

test('a client that tried in a page the person opened goes on in it afterwards', async () => {
  await page.evaluate('setTimeout(() => { location = "/opened" }, 300)');
  await control('human');
  await expect.poll(() => page.url()).toBe(`${origin}/opened`);
  await expect(page.evaluate('1')).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  await expect(page.locator('#add').click()).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
  await control('ai');
  expect(await page.evaluate('document.title')).toBe('Form');
  await page.locator('#add').click();
  expect(await page.locator('#add').getAttribute('data-clicks')).toBe('1');
});

test('what a client held up or listened to before goes on without it', async () => {
  const told: string[] = [];
  await page.route('**/held', (route) => route.abort());
  await page.exposeFunction('tell', (text: string) => void told.push(text));
  await page.evaluate('setTimeout(() => { location = "/held" }, 600)');
  await page.evaluate('setInterval(() => tell("typed"), 100)');
  await control('human');
  told.length = 0;
  await new Promise((done) => setTimeout(done, 1500));
  const state = await (await browserBox.box.fetch('/browser')).json();
  expect(state).toMatchObject({ url: `${origin}/held`, title: 'Form' });
  expect(told).toEqual([]);
  await control('ai');
  await page.unroute('**/held');
});

test('control holds over a restart of the daemon; an older word changes nothing', async () => {
  await control('human', 'Ada');
  const from = browserBox.events.length;
  for (const pid of await browserBox.box.processes()) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('boxd.cjs')) process.kill(pid, 'SIGKILL');
  }
  await browserBox.event('browser.ready', from);
  expect(await put({ epoch: epoch - 1, mode: 'ai', controller: null })).toEqual({
    epoch,
    mode: 'human',
    controller: 'Ada',
  });
  playwright = await connect();
  const session = await playwright.newBrowserCDPSession();
  const opening = session.send('Target.createTarget', { url: origin });
  await expect(opening).rejects.toThrow('CONTROL_HELD_BY_HUMAN: Ada');
  page = playwright.contexts()[0]!.pages()[0]!;
});

test('keyboard and mouse reach the page', async () => {
  const field = await onDesktop(50, 30);
  expect((await act({ action: 'click', ...field })).body).toEqual(field);
  await act({ action: 'type', text: 'Grüße, Wörld! 你好 → €' });
  await expect.poll(valueOf).toBe('Grüße, Wörld! 你好 → €');
  await act({ action: 'key', keys: 'ctrl+a' });
  await act({ action: 'type', text: 'a+b' });
  await expect.poll(valueOf).toBe('a+b');
  await act({ action: 'key', keys: 'ctrl+shift+ArrowLeft' });
  expect(await page.evaluate('lastKey')).toBe('true true ArrowLeft');
  await act({ action: 'click', ...(await onDesktop(50, 120)), clicks: 2 });
  await expect.poll(() => page.locator('#add').getAttribute('data-doubles')).toBe('1');
  await page.evaluate('seen.length = 0');
  await act({ action: 'drag', points: [await onDesktop(220, 120), await onDesktop(280, 180)] });
  await expect.poll(() => page.evaluate('seen.at(-1)')).toBe('mouseup');
  // The way there and more: Chromium joins moves that come within one frame.
  expect(await page.evaluate('seen.filter((type) => type === "mousemove").length')).toBeGreaterThan(1);
  await act({ action: 'scroll', dy: 5 });
  await expect.poll(() => page.evaluate('scrollY')).toBeGreaterThan(100);
  expect(await act({ action: 'key', keys: 'nokey' })).toMatchObject({
    status: 400,
    body: { code: 'INVALID_KEY' },
  });
  expect(await act({ action: 'move', x: 5000, y: 5 })).toMatchObject({
    status: 400,
    body: { code: 'OUTSIDE_DESKTOP' },
  });
});

test('types more different characters than a keyboard has keys', async () => {
  await act({ action: 'click', ...(await onDesktop(50, 30)) });
  const text = Array.from({ length: 60 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join('');
  expect(await act({ action: 'type', text })).toMatchObject({ status: 200 });
  await expect.poll(valueOf).toBe(text);
});

test('pictures of the desktop come in both formats', async () => {
  const picture = async (format: string): Promise<Buffer> =>
    Buffer.from(
      await (await browserBox.box.fetch(`/browser/computer/screenshot?format=${format}`)).arrayBuffer(),
    );
  const png = await picture('png');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1280, 800]);
  expect((await picture('jpeg')).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
});

test('a download is told of with where it lies', async () => {
  const from = browserBox.events.length;
  await page.locator('#download').click();
  expect((await browserBox.event('browser.download', from)).data).toEqual({
    state: 'completed',
    url: `${origin}/report.bin`,
    fileName: 'report.bin',
    path: '/workspace/downloads/report.bin',
    bytes: 5000,
  });
});

test('file inputs and choosers take files of the workspace', async () => {
  const command = 'echo one > /workspace/a.txt; echo two > /workspace/b.txt; chmod 600 /workspace/b.txt';
  await browserBox.box.send('POST', '/exec', { command, timeoutMs: 5000 });
  const give = (body: object): ReturnType<ImageBox['send']> =>
    browserBox.box.send('POST', '/browser/files', { selector: null, timeoutMs: 5000, ...body });
  const names = (): Promise<unknown> =>
    page.evaluate('Promise.all([...document.querySelector("#file").files].map((file) => file.text()))');
  expect((await give({ paths: ['/workspace/a.txt'], selector: '#file' })).body).toEqual({ files: 1 });
  expect(await names()).toEqual(['one\n']);
  await page.reload();
  const given = give({ paths: ['/workspace/a.txt'] });
  await new Promise((done) => setTimeout(done, 500));
  await page.locator('#file').click();
  expect((await given).body).toEqual({ files: 1 });
  expect(await names()).toEqual(['one\n']);
  expect((await give({ paths: ['/workspace/b.txt'] })).body).toMatchObject({ code: 'PERMISSION_DENIED' });
  expect((await give({ paths: ['/workspace/none'] })).body).toMatchObject({ code: 'FILE_NOT_FOUND' });
  expect((await give({ paths: ['/workspace/../etc/passwd'] })).body).toMatchObject({ code: 'INVALID_PATH' });
  expect((await give({ paths: ['/workspace/a.txt'], timeoutMs: 50 })).body).toMatchObject({
    code: 'FILE_CHOOSER_NOT_OPEN',
  });
});

test('a viewer of the plain VNC route sees the desktop', async () => {
  const socket = new WebSocket(browserBox.socketUrl('/browser/vnc'), 'binary', {
    headers: browserBox.headers,
  });
  const first = await new Promise<Buffer>((done) => socket.once('message', (data) => done(data as Buffer)));
  expect(first.toString()).toBe('RFB 003.008\n');
  socket.terminate();
});

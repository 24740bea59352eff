import { BanataError, BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { RfbViewer } from '@banata/bench/rfb-viewer';
import { createServer, type Server } from 'node:http';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { freePort, Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const PAGE = `<!doctype html><title>Form</title><body style="margin:0">
<input id="name" autofocus style="position:absolute;left:0;top:0;width:100%;height:100%">`;
/** Tells the site each value that the input has, in order. */
const REPORTING = PAGE.replace(
  '<input ',
  `<input oninput="const told = new XMLHttpRequest();
  told.open('GET', '/typed?' + encodeURIComponent(this.value), false); told.send()" `,
);
const A = 0x61;
const SHIFT = 0xffe1;
/** Times that a text with letters nobody typed before goes through the viewer. */
const TYPED_ROUNDS = process.env['BANATA_TEST_ALL'] === '1' ? 20 : 2;

let installation: Installation;
let banata: BanataSandbox;
let site: Server;
let url: string;
let sandbox: Sandbox;
/** What the reporting page told. */
const values: string[] = [];

beforeAll(async () => {
  const port = await freePort();
  site = createServer((request, response) => {
    const path = request.url ?? '/';
    if (path.startsWith('/typed?')) values.push(decodeURIComponent(path.slice('/typed?'.length)));
    const page = path.startsWith('/reporting') ? REPORTING : PAGE;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  await new Promise<void>((resolve) => site.listen(port, '127.0.0.1', resolve));
  url = `http://host.banata.internal:${port}/`;
  installation = await Installation.start({ BANATA_HOST_PORTS: String(port) });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  sandbox = await banata.launch({ capabilities: { browser: { humanInLoop: true } } });
  await sandbox.navigatePreview(url);
});

afterAll(async () => {
  await installation?.remove();
  site?.closeAllConnections();
  site?.close();
});

/** What stands in the input of the page, read as automation does. */
async function typed(): Promise<string> {
  const { cdpUrl } = await sandbox.getPreview();
  const browser = await chromium.connectOverCDP(cdpUrl);
  try {
    return await browser.contexts()[0]!.pages()[0]!.locator('#name').inputValue();
  } finally {
    await browser.close();
  }
}

async function viewer(options: { controller?: string; watch?: boolean } = {}): Promise<RfbViewer> {
  const { controller, watch } = options;
  const preview = await sandbox.getPreview(controller === undefined ? {} : { controller });
  return RfbViewer.connect((watch ? preview.viewOnlyWsUrl : preview.wsUrl) ?? '');
}

/** Sends keys and waits until the desktop has had them. */
async function press(view: RfbViewer, ...keysyms: number[]): Promise<void> {
  view.pointer(600, 400, 1);
  view.pointer(600, 400, 0);
  // A click moves the focus from the address bar to the page by way of another process.
  await new Promise((resolve) => setTimeout(resolve, 200));
  for (const keysym of keysyms) view.press(keysym);
  view.request({ x: 0, y: 0, width: 1, height: 1 }, false);
  await view.update();
}

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

describe('clients of the CDP URL', () => {
  test('Playwright and Puppeteer work unchanged and at once, over the WebSocket and the HTTP URL', async () => {
    const { cdpUrl, cdpHttpUrl } = await sandbox.getPreview();
    const [first, second, third] = await Promise.all([
      chromium.connectOverCDP(cdpUrl),
      chromium.connectOverCDP(cdpHttpUrl),
      puppeteer.connect({ browserWSEndpoint: cdpUrl, defaultViewport: null }),
    ]);
    const page = first.contexts()[0]!.pages()[0]!;
    await page.goto(`${url}?one`);
    await expect.poll(() => second.contexts()[0]!.pages()[0]!.url()).toBe(`${url}?one`);
    const [same] = await third.pages();
    await expect.poll(() => same!.title()).toBe('Form');
    const list = (await (await fetch(cdpHttpUrl.replace('/cdp?', '/cdp/json/list?'))).json()) as {
      url: string;
      webSocketDebuggerUrl: string;
    }[];
    expect(list.map((entry) => entry.url)).toEqual([`${url}?one`]);
    const socket = new WebSocket(list[0]!.webSocketDebuggerUrl);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(
      JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'document.title' } }),
    );
    const reply = await new Promise<string>((resolve) =>
      socket.once('message', (data) => resolve((data as Buffer).toString())),
    );
    expect(JSON.parse(reply)).toMatchObject({ id: 1, result: { result: { value: 'Form' } } });
    socket.terminate();
    await Promise.all([first.close(), second.close(), third.disconnect()]);
  });
});

describe('control', () => {
  test('a raw RFB client without the lease types nothing; with it, it does, until the lease ends', async () => {
    const watcher = await viewer({ watch: true });
    const ada = await viewer({ controller: 'ada' });
    const bob = await viewer({ controller: 'bob' });
    for (const view of [watcher, ada, bob]) await press(view, A);
    expect(await typed()).toBe('');

    const given = await sandbox.browser.setControl({ mode: 'human', controller: 'ada', leaseMs: 60_000 });
    expect(given).toMatchObject({ controlMode: 'human', controller: 'ada', applied: true });
    await expect(sandbox.browser.setControl({ mode: 'human', controller: 'bob' })).rejects.toEqual(
      code('CONTROL_HELD'),
    );
    for (const view of [watcher, ada, bob]) await press(view, A);
    ada.key(SHIFT, true);
    await sandbox.browser.setControl({ mode: 'human', controller: 'ada', leaseMs: 1000 });
    const ended = await until('the lease to end', async () => {
      const preview = await sandbox.getPreview();
      return preview.controlMode === 'ai' ? preview : undefined;
    });
    expect(ended).toMatchObject({ controller: null, leaseUntil: null });
    await press(ada, A);
    expect(await typed()).toBe('a');
    // The shift that was held is not any more.
    await sandbox.computer.type('b');
    await expect.poll(typed, { timeout: 30_000 }).toBe('ab');
    for (const view of [watcher, ada, bob]) view.close();
  });

  test('while a person has control, automation is refused on every way and told why', async () => {
    const { cdpUrl } = await sandbox.getPreview();
    const browser = await chromium.connectOverCDP(cdpUrl);
    const page = browser.contexts()[0]!.pages()[0]!;
    await sandbox.browser.setControl({ mode: 'human', controller: 'ada' });
    await expect(page.goto(url)).rejects.toThrow('CONTROL_HELD_BY_HUMAN: ada');
    await expect(page.locator('#name').fill('x')).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
    const held = code('CONTROL_HELD_BY_HUMAN');
    await expect(sandbox.navigatePreview(url)).rejects.toEqual(held);
    await expect(sandbox.resizePreview({ width: 800 })).rejects.toEqual(held);
    await expect(sandbox.computer.type('x')).rejects.toEqual(held);
    await expect(sandbox.browser.giveFiles(['/workspace/a'])).rejects.toEqual(held);
    expect((await sandbox.screenshot()).length).toBeGreaterThan(1000);
    await sandbox.browser.setControl({ mode: 'ai' });
    await page.goto(url);
    await browser.close();
    const seen: string[] = [];
    for await (const event of sandbox.events()) {
      seen.push(
        event.type === 'sandbox.control.changed' ? `${event.data.mode} ${event.data.cause}` : event.type,
      );
      if (seen.filter((one) => one === 'ai request').length === 1) break;
    }
    expect(seen).toContain('ai lease_ended');
    expect(seen).toContain('sandbox.control.refused');
  });

  test('control and lease hold over the death of the server', async () => {
    await sandbox.browser.setControl({ mode: 'human', controller: 'ada', leaseMs: 60_000 });
    await installation.stopServer('SIGKILL');
    await installation.startServer();
    expect(await sandbox.getPreview()).toMatchObject({ controlMode: 'human', controller: 'ada' });
    const { cdpUrl } = await sandbox.getPreview();
    const browser = await chromium.connectOverCDP(cdpUrl);
    await expect(browser.contexts()[0]!.pages()[0]!.goto(url)).rejects.toThrow('CONTROL_HELD_BY_HUMAN');
    await sandbox.browser.setControl({ mode: 'human', controller: 'ada', leaseMs: 1000 });
    await installation.stopServer('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 1200));
    await installation.startServer();
    await browser.close();
    await until('automation to go on', async () => {
      const preview = await sandbox.getPreview();
      const again = await chromium.connectOverCDP(preview.cdpUrl);
      const gone = await again
        .contexts()[0]!
        .pages()[0]!
        .goto(url)
        .then(
          () => true,
          () => undefined,
        );
      await again.close();
      return gone;
    });
  });

  test('on the viewer page a person writes Japanese with an input method, and goes back with the mouse', async () => {
    await sandbox.navigatePreview(url);
    await sandbox.navigatePreview(`${url}reporting`);
    const { viewerUrl } = await sandbox.getPreview();
    const person = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
    try {
      const page = await person.newPage({ viewport: { width: 1280, height: 900 } });
      await page.goto(viewerUrl ?? '');
      await page.locator('canvas').first().waitFor({ timeout: 30_000 });
      await page.getByRole('button', { name: 'Take control' }).click();
      const screen = page.getByRole('application').locator('canvas').first();
      // The first clicks may come before control does.
      await until('the page has the focus', async () => {
        await screen.click();
        await page.keyboard.type('x');
        return values.length === 0 ? undefined : true;
      });
      await page.getByRole('button', { name: 'Keyboard', exact: true }).click();
      const input = await page.context().newCDPSession(page);
      // As an input method does it: what is composed changes until it is chosen.
      for (const text of ['に', 'にほ', 'にほん', '日本'])
        await input.send('Input.imeSetComposition', { text, selectionStart: 0, selectionEnd: text.length });
      await input.send('Input.insertText', { text: '日本' });
      await input.send('Input.insertText', { text: '語、héß' });
      // Some of the letters that looked for the focus may have come late.
      await until('the text arrives', async () =>
        /^x+日本語、héß$/.test(values.at(-1) ?? '') ? true : undefined,
      );
      const { x, y, width, height } = (await screen.boundingBox())!;
      const middle = { x: x + width / 2, y: y + height / 2, button: 'back', clickCount: 1 } as const;
      await input.send('Input.dispatchMouseEvent', { ...middle, type: 'mousePressed' });
      await input.send('Input.dispatchMouseEvent', { ...middle, type: 'mouseReleased' });
      await until('the page before', async () =>
        (await sandbox.getPreview()).url === url ? true : undefined,
      );
      await sandbox.browser.setControl({ mode: 'ai' });
    } finally {
      await person.close();
    }
  });

  test('the viewer page’s link takes control for its tab, and gives it back', async () => {
    const preview = await sandbox.getPreview();
    const token = new URL(preview.viewerUrl ?? '').searchParams.get('token') ?? '';
    const ask = async (viewerName: string, mode: string, watch = false): Promise<Response> => {
      const own = watch ? (new URL(preview.viewOnlyUrl ?? '').searchParams.get('token') ?? '') : token;
      const target = `${installation.url}/v1/sandboxes/browser-preview/view/control?token=${own}`;
      return fetch(target, {
        method: 'POST',
        body: JSON.stringify({ mode, viewer: viewerName, controller: 'Ada' }),
        headers: { 'content-type': 'application/json' },
      });
    };
    const [mine, other] = ['tab-0123456789abcdef', 'tab-fedcba9876543210'];
    expect(await (await ask(mine, 'human', true)).json()).toEqual(code('VIEW_ONLY_LINK'));
    const both = await Promise.all([ask(mine, 'human'), ask(other, 'human')]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    const winner = both[0].ok ? mine : other;
    const loser = winner === mine ? other : mine;
    expect(await (await ask(loser, 'ai')).json()).toMatchObject({ code: 'CONTROL_HELD', controller: 'Ada' });
    const socket = preview.wsUrl ?? '';
    const views = await Promise.all(
      [loser, winner].map((name) => RfbViewer.connect(`${socket}&viewer=${name}`)),
    );
    for (const view of views) await press(view, A);
    expect(await (await ask(winner, 'ai')).json()).toMatchObject({ controlMode: 'ai', inControl: false });
    expect(await typed()).toBe('a');
    for (const view of views) view.close();
  });
});

describe('letters the desktop’s keyboard lacks', () => {
  /** As noVNC sends them: symbols of old standards where X11/keysymdef.h has them. */
  const OLD: Record<string, number> = { '€': 0x20ac, я: 0x6d1 };
  const keysymOf = (character: string): number => {
    const point = character.codePointAt(0) ?? 0;
    return OLD[character] ?? (point < 0x100 ? point : 0x01000000 + point);
  };

  test('arrive whole at their first press, in a burst and at a person’s pace', async () => {
    await sandbox.navigatePreview(url);
    await sandbox.browser.setControl({ mode: 'shared', controller: 'ada', leaseMs: 120_000 });
    const ada = await viewer({ controller: 'ada' });
    const { cdpUrl } = await sandbox.getPreview();
    const browser = await chromium.connectOverCDP(cdpUrl);
    const field = browser.contexts()[0]!.pages()[0]!.locator('#name');
    await press(ada);
    for (let round = 0; round < TYPED_ROUNDS; round += 1) {
      const fresh = [0x100, 0x3b1, 0x430, 0x4e00].map((first) => String.fromCodePoint(first + round));
      const text = `Größe é я ñ €${fresh.join('x')}.`;
      await field.fill('');
      for (const character of text) {
        ada.press(keysymOf(character));
        if (round % 2 === 1) await new Promise((resolve) => setTimeout(resolve, 40));
      }
      await expect.poll(() => field.inputValue(), { timeout: 5000 }).toBe(text);
    }
    await sandbox.browser.setControl({ mode: 'ai' });
    await browser.close();
    ada.close();
  });
});

describe('links and settings', () => {
  test('a revoke ends what is open and voids what was given out', async () => {
    const before = await sandbox.getPreview();
    const view = await RfbViewer.connect(before.wsUrl ?? '');
    const browser = await chromium.connectOverCDP(before.cdpUrl);
    const gone = new Promise((resolve) => browser.once('disconnected', resolve));
    await sandbox.browser.revokeLinks();
    await gone;
    await until('the viewer to be put out', async () => Promise.resolve(view.closed));
    expect(view.closed?.reason).toContain('revoked');
    await expect(chromium.connectOverCDP(before.cdpUrl)).rejects.toThrow('401');
    await expect(RfbViewer.connect(before.wsUrl ?? '')).rejects.toThrow('401');
    const after = await sandbox.getPreview();
    (await RfbViewer.connect(after.wsUrl ?? '')).close();
  });

  test('bytes that are no RFB, and a clipboard that is too long, end the viewer', async () => {
    for (const data of [Buffer.from([99]), Buffer.from([6, 0, 0, 0, 0x7f, 0, 0, 0])]) {
      const view = await viewer();
      view.sendRaw(data);
      await until('the viewer to be put out', async () => Promise.resolve(view.closed));
      expect([1008, 1009]).toContain(view.closed?.code);
    }
  });

  test('without humanInLoop people watch, and without streamPreview nobody does', async () => {
    await using plain = await banata.launch({ capabilities: { browser: { streamPreview: false } } });
    const error = await plain.browser.setControl({ mode: 'human' }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BanataError);
    expect(error).toMatchObject({ code: 'HUMAN_IN_LOOP_DISABLED', status: 409 });
    expect(await plain.getPreview()).toMatchObject({
      wsUrl: null,
      viewerUrl: null,
      connection: null,
      controlMode: 'ai',
    });
    expect(plain.session.pairedBrowser?.previewUrl).toBeNull();
    const browser = await chromium.connectOverCDP((await plain.getPreview()).cdpUrl);
    await browser.contexts()[0]!.pages()[0]!.goto(url);
    await browser.close();
  });

  test('the connection’s URLs take commands without a key', async () => {
    const connection = await sandbox.browser.getPreviewConnection();
    const post = async (target: string, body: object): Promise<unknown> => {
      const reply = await fetch(target, { method: 'POST', body: JSON.stringify(body) });
      return reply.json();
    };
    expect(await post(connection?.startUrl ?? '', {})).toMatchObject({ ok: true });
    expect(await post(connection?.navigateUrl ?? '', { url: `${url}?linked` })).toMatchObject({
      ok: true,
      url: `${url}?linked`,
    });
    expect(await post(connection?.resizeUrl ?? '', { width: 1000, height: 700 })).toMatchObject({
      viewport: { width: 1000, height: 700 },
    });
  });
});

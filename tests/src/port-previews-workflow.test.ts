import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { once } from 'node:events';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { askPreview, openPreviewSocket } from './support/preview-client.ts';
import { until } from './support/until.ts';

/** Answers what it was asked with; on an upgrade it speaks just enough WebSocket to echo short text frames. */
const SERVER = String.raw`
const { createServer } = require('node:http');
const { createHash } = require('node:crypto');
const server = createServer(async (request, response) => {
  if (request.url.startsWith('/redirect')) return response.writeHead(302, { location: 'http://127.0.0.1:8080/after' }).end();
  if (request.url.startsWith('/cookie')) response.setHeader('set-cookie', ['own=1; Domain=localhost', 'banata_preview=stolen']);
  let body = '';
  for await (const chunk of request) body += chunk;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, length: body.length }));
});
server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ' + accept + '\r\n\r\n');
  socket.on('data', (frame) => {
    const length = frame[1] & 127, mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]));
    socket.write(Buffer.concat([Buffer.from([0x81, length]), text]));
  });
  socket.on('error', () => {});
});
server.listen(8080, '127.0.0.1');
`;

let installation: Installation;
let sandbox: Sandbox;

beforeAll(async () => {
  installation = await Installation.start();
  const banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  sandbox = await banata.launch();
  await sandbox.fs.write('/workspace/server.cjs', SERVER);
  await sandbox.exec('setsid nohup node /workspace/server.cjs >/dev/null 2>&1 </dev/null &');
  await until('the program in the sandbox listens', async () =>
    (await sandbox.exec('curl -s http://127.0.0.1:8080/')).exitCode === 0 ? true : undefined,
  );
});

afterAll(() => installation?.remove());

test('a program on the sandbox’s loopback answers under an origin of its own', async () => {
  const { url, origin, token } = await sandbox.ports.expose(8080);
  expect(origin).toMatch(/^http:\/\/8080-[a-z0-9]{20}\.localhost:\d+$/);
  const opened = await askPreview(`${url}&q=1`, { headers: { accept: 'text/html' } });
  expect(opened).toMatchObject({ status: 302, headers: { location: `${origin}/?q=1` } });
  const cookie = String(opened.headers['set-cookie']).split(';')[0] ?? '';
  const page = await askPreview(`${origin}/x?q=1`, {
    method: 'POST',
    body: 'x'.repeat(300_000),
    headers: { cookie: `${cookie}; mine=1`, origin },
  });
  expect(page.status).toBe(200);
  expect(JSON.parse(page.body)).toMatchObject({
    method: 'POST',
    url: '/x?q=1',
    length: 300_000,
    headers: { host: 'localhost:8080', cookie: 'mine=1', 'x-forwarded-host': new URL(origin).host },
  });
  expect(page.body).not.toContain(token);
});

test('without its token a private preview is closed, and a page elsewhere cannot borrow the cookie', async () => {
  const { url, origin, token } = await sandbox.ports.expose(8080);
  expect((await askPreview(`${origin}/`)).status).toBe(401);
  expect((await askPreview(`${url}x`)).status).toBe(401);
  expect((await askPreview(origin, { headers: { accept: 'text/html' } })).body).toContain(
    '<h1>This preview is private',
  );
  const cookie = `banata_preview=${token}`;
  expect((await askPreview(`${origin}/`, { headers: { cookie } })).status).toBe(200);
  const elsewhere = { cookie, origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' };
  expect((await askPreview(`${origin}/`, { headers: elsewhere })).status).toBe(401);
  await expect(openPreviewSocket(`${origin}/`, { headers: elsewhere })).rejects.toThrow('401');
});

test('WebSockets pass, count as activity, and end when the preview is revoked', async () => {
  const { origin, token } = await sandbox.ports.expose(8080);
  const socket = await openPreviewSocket(`${origin}/`, {
    headers: { 'x-banata-preview-token': token ?? '' },
  });
  socket.send('ping');
  expect(String((await once(socket, 'message'))[0])).toBe('ping');
  const closed = once(socket, 'close', { signal: AbortSignal.timeout(5_000) });
  expect(await sandbox.ports.revoke(8080)).toBe(true);
  await closed;
  expect(
    (await askPreview(`${origin}/`, { headers: { 'x-banata-preview-token': token ?? '' } })).status,
  ).toBe(404);
  expect(await sandbox.ports.revoke(8080)).toBe(false);
  const again = await sandbox.ports.expose(8080);
  expect(again.origin).not.toBe(origin);
  expect((await askPreview(`${again.origin}/?banata_token=${token}`)).status).toBe(401);
});

test('a preview that expires ends, with what is open on it', async () => {
  await sandbox.ports.revoke(8080);
  const { origin } = await sandbox.ports.expose(8080, { ttlMs: 1_500, public: true });
  const socket = await openPreviewSocket(`${origin}/`);
  expect((await askPreview(`${origin}/`)).status).toBe(200);
  await once(socket, 'close', { signal: AbortSignal.timeout(8_000) });
  expect((await askPreview(`${origin}/`)).status).toBe(404);
  expect(await sandbox.ports.list()).toEqual([]);
});

test('redirects and cookies of the program stay on the preview', async () => {
  const { origin } = await sandbox.ports.expose(8080, { public: true });
  expect((await askPreview(`${origin}/redirect`)).headers.location).toBe(`${origin}/after`);
  expect((await askPreview(`${origin}/cookie`)).headers['set-cookie']).toEqual(['own=1']);
});

test('the API is not on a preview’s host, and a preview not on the API’s', async () => {
  const { origin } = await sandbox.ports.expose(8080, { public: true });
  const key = await installation.apiKey();
  const authorization = `Bearer ${key}`;
  const reply = await askPreview(`${origin}/v1/sandboxes`, { headers: { authorization } });
  expect(JSON.parse(reply.body)).toMatchObject({ url: '/v1/sandboxes' });
  expect(reply.body).not.toContain(key);
  const unknown = await askPreview(`http://x.localhost:${new URL(origin).port}/v1/sandboxes`, {
    headers: { authorization },
  });
  expect(unknown).toMatchObject({ status: 404 });
  expect(JSON.parse(unknown.body)).toMatchObject({ code: 'PREVIEW_NOT_FOUND' });
  expect((await askPreview(`${installation.url}/x`)).status).toBe(404);
});

test('where nothing listens, a page says what to do; the daemon’s own port is refused', async () => {
  const { origin } = await sandbox.ports.expose(9999, { public: true });
  const page = await askPreview(`${origin}/`, { headers: { accept: 'text/html' } });
  expect(page.status).toBe(502);
  expect(page.body).toContain('Start the program');
  const { stdout } = await sandbox.exec(
    "python3 -c \"import json;print(json.load(open('/run/banata/boxd.json'))['port'])\"",
    undefined,
    {
      user: 'root',
    },
  );
  await expect(sandbox.ports.expose(Number(stdout))).rejects.toMatchObject({ code: 'PORT_NOT_ALLOWED' });
});

test('a page opens in Chromium by its URL alone', async () => {
  const { url, origin } = await sandbox.ports.expose(8080);
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    expect(page.url()).toBe(`${origin}/`);
    const echoed = await page.evaluate(
      () =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(`ws://${location.host}/`);
          socket.onopen = () => socket.send('from the page');
          socket.onmessage = ({ data }) => resolve(String(data));
          socket.onerror = () => reject(new Error('refused'));
        }),
    );
    expect(echoed).toBe('from the page');
  } finally {
    await browser.close();
  }
});

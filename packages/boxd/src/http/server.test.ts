import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createLogger } from '../logger.ts';
import { BoxError, type BoxRoute } from './route.ts';
import { Router } from './router.ts';
import { HttpServer } from './server.ts';

const token = 'a'.repeat(40);
const log: string[] = [];
let server: HttpServer;
let cursor: number;
let url: string;
let aborted: Promise<unknown>;

const routes: BoxRoute[] = [
  {
    method: 'POST',
    path: '/echo',
    handle: async (request) => await request.json(z.object({ count: z.number(), list: z.array(z.string()) })),
  },
  {
    method: 'GET',
    path: '/refuse',
    handle: async () => {
      throw new BoxError(409, 'NOT_NOW', 'Not now');
    },
  },
  {
    method: 'GET',
    path: '/crash',
    handle: async () => {
      throw new TypeError('secret detail');
    },
  },
  { method: 'GET', path: '/health', handle: async () => ({ ok: true, sandboxId: 'x' }) },
];

beforeEach(async () => {
  log.length = 0;
  cursor = 0;
  const hang = Promise.withResolvers<unknown>();
  aborted = hang.promise;
  const hanging: BoxRoute = {
    method: 'GET',
    path: '/hang',
    handle: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          hang.resolve(signal.reason);
          reject(signal.reason as Error);
        });
      }),
  };
  const router = new Router({
    routes: [...routes, hanging],
    upgrades: [
      {
        path: '/socket',
        handle: (_, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhi'),
      },
    ],
  });
  server = new HttpServer({
    token,
    router,
    journalCursor: () => cursor,
    logger: createLogger({ write: (line) => log.push(line) }),
  });
  url = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
});

afterEach(async () => {
  await server.close(50);
});

async function call(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) };
  const response = await fetch(url + path, { ...init, headers });
  return { status: response.status, body: await response.json() };
}

function upgrade(path: string, authorization: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: box\r\nconnection: upgrade\r\nupgrade: websocket\r\nauthorization: ${authorization}\r\n\r\n`,
    );
  });
}

describe('HttpServer', () => {
  test.each(['', 'Bearer', 'Bearer wrong', token, `bearer ${token}`, `Bearer ${token} `.repeat(2)])(
    'refuses the authorization %j',
    async (authorization) => {
      const reply = await call('/refuse', { headers: { authorization } });
      expect(reply).toMatchObject({ status: 401, body: { code: 'UNAUTHORIZED' } });
    },
  );

  test('tells its health in full only with the token', async () => {
    expect(await call('/health', { headers: { authorization: '' } })).toEqual({
      status: 200,
      body: { ok: true },
    });
    expect(await call('/health')).toEqual({ status: 200, body: { ok: true, sandboxId: 'x' } });
  });

  test('tells in every reply, refusals too, that its journal has entries', async () => {
    const told = async (path: string): Promise<string | null> => {
      const reply = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } });
      await reply.body?.cancel();
      return reply.headers.get('x-banata-journal');
    };
    expect([await told('/health'), await told('/refuse')]).toEqual([null, null]);
    cursor = 7;
    expect([await told('/health'), await told('/refuse')]).toEqual(['7', '7']);
  });

  test('parses a body and names the field that is wrong', async () => {
    const post = (body: unknown): ReturnType<typeof call> =>
      call('/echo', { method: 'POST', body: JSON.stringify(body) });
    expect(await post({ count: 1, list: ['a'] })).toEqual({ status: 200, body: { count: 1, list: ['a'] } });
    const wrong = await post({ count: 1, list: ['a', 2] });
    expect(wrong).toMatchObject({
      status: 400,
      body: { code: 'INVALID_FIELD', error: expect.stringMatching(/^list\.1: /) },
    });
    expect(await post('x')).toMatchObject({ status: 400, body: { error: expect.stringMatching(/^body: /) } });
    const broken = await call('/echo', { method: 'POST', body: '{' });
    expect(broken).toMatchObject({ status: 400, body: { code: 'INVALID_JSON' } });
  });

  test('refuses a body that is too large without reading it all', async () => {
    const reply = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${url}/echo`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
      });
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      let sent = 0;
      const timer = setInterval(() => {
        sent += 1;
        if (sent > 200) reject(new Error('it read 200 MiB'));
        else request.write(chunk);
      }, 1);
      request.on('response', (response) => {
        clearInterval(timer);
        resolve(response.statusCode);
        request.destroy();
      });
      request.on('error', () => undefined);
    });
    expect(reply).toBe(413);
  });

  test('answers its own errors with their code and hides what it did not foresee', async () => {
    expect(await call('/refuse')).toEqual({ status: 409, body: { error: 'Not now', code: 'NOT_NOW' } });
    const crash = await call('/crash');
    expect(crash).toMatchObject({ status: 500, body: { code: 'INTERNAL' } });
    expect(JSON.stringify(crash.body)).not.toContain('secret detail');
    expect(log.join('')).toContain('secret detail');
    expect(await call('/nowhere')).toMatchObject({ status: 404, body: { code: 'ROUTE_NOT_FOUND' } });
  });

  test('aborts the signal of a request whose caller went away', async () => {
    const controller = new AbortController();
    const pending = call('/hang', { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await expect(pending).rejects.toThrow();
    expect(await aborted).toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  test('aborts what is under way when it stops', async () => {
    const pending = call('/hang');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await server.close(500);
    expect(await pending).toMatchObject({ status: 503, body: { code: 'STOPPING' } });
  });

  test('checks the token of an upgrade before its path', async () => {
    expect(await upgrade('/nowhere', 'Bearer wrong')).toMatch(/^HTTP\/1.1 401 /);
    expect(await upgrade('/nowhere', `Bearer ${token}`)).toMatch(/^HTTP\/1.1 404 /);
    expect(await upgrade('/socket', `Bearer ${token}`)).toMatch(/^HTTP\/1.1 101 .*hi$/s);
  });
});

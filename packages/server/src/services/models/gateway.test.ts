import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOutboundGuard, type OutboundGuard } from '../net/outbound-guard.ts';
import type { GatewayLimits } from './gateway-limits.ts';
import {
  createModelGateway,
  type GatewaySandbox,
  type ModelGatewayOptions,
  type ModelUsage,
} from './gateway.ts';
import type { ModelCredentials } from './model-access.ts';
import { GatewayError } from './provider-error.ts';

const KEY = 'sk-real-upstream-key-0123456789';
const TOKEN = 'box-token';

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

interface Fixture {
  base: string;
  upstream: { server: Server; port: number; seen: IncomingMessage[]; bodies: string[]; handler: Handler };
  usage: { sandboxId: string; usage: ModelUsage }[];
  logged: unknown[];
  close: () => Promise<void>;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

interface Setup {
  limits?: Partial<GatewayLimits>;
  credentials?: (upstream: string) => ModelCredentials;
  allow?: boolean;
  recordUsage?: () => Promise<void>;
  admit?: ModelGatewayOptions['admit'];
}

async function setUp({
  limits,
  credentials,
  allow = true,
  recordUsage,
  admit,
}: Setup = {}): Promise<Fixture> {
  const upstream: Fixture['upstream'] = {
    server: createServer(),
    port: 0,
    seen: [],
    bodies: [],
    handler: (_request, response) => json(response, 200, { ok: true }),
  };
  upstream.server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    upstream.seen.push(request);
    void (async () => {
      upstream.bodies.push(await readAll(request));
      await upstream.handler(request, response);
    })().catch(() => response.destroy());
  });
  upstream.port = await listen(upstream.server);
  const url = `http://127.0.0.1:${upstream.port}/v1`;
  const http = { kind: 'http', baseUrl: url, apiKey: KEY } as const;
  const all = credentials?.(url) ?? { openai: http, openrouter: http, anthropic: http };
  const sandboxes: Record<string, GatewaySandbox> = { [TOKEN]: { sandboxId: 'sandbox-1', credentials: all } };
  const guard: OutboundGuard = createOutboundGuard({
    allowHosts: allow ? [`127.0.0.1:${upstream.port}`] : [],
    connectTimeoutMs: 2000,
  });
  const usage: Fixture['usage'] = [];
  const logged: unknown[] = [];
  const log = (...line: unknown[]): void => void logged.push(line);
  const gateway = createModelGateway({
    lookup: async (token) => sandboxes[token],
    guard,
    recordUsage: recordUsage ?? ((sandboxId, item) => void usage.push({ sandboxId, usage: item })),
    logger: { info: log, warn: log },
    ...(admit === undefined ? {} : { admit }),
    ...(limits === undefined ? {} : { limits }),
  });
  const handle = getRequestListener(new Hono().route('/model', gateway).fetch);
  const server = createServer((request, response) => void handle(request, response));
  const port = await listen(server);
  const close = async (): Promise<void> => {
    await closeServer(server);
    await guard.close();
    await closeServer(upstream.server);
  };
  return { base: `http://127.0.0.1:${port}`, upstream, usage, logged, close };
}

let fixture: Fixture;
const open = async (setup?: Setup): Promise<Fixture> => {
  await fixture.close();
  fixture = await setUp(setup);
  return fixture;
};
beforeEach(async () => {
  fixture = await setUp();
});
afterEach(() => fixture.close());

function post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  return fetch(`${fixture.base}/model/${path}`, { method: 'POST', body: text, headers, ...init });
}

const CHAT = 'openai/v1/chat/completions';

describe('who is let in', () => {
  test.each([
    ['openai/v1/chat/completions', { error: { type: 'authentication_error' } }],
    ['openrouter/api/v1/chat/completions', { error: { code: 401 } }],
    ['anthropic/v1/messages', { type: 'error', error: { type: 'authentication_error' } }],
  ])('an unknown token at %s is answered 401 in the shape of the provider', async (path, shape) => {
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { 'x-api-key': 'x'.repeat(600) }]) {
      const response = await post(path, {}, { headers });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject(shape);
    }
    expect(fixture.upstream.seen).toHaveLength(0);
  });

  test('a failing look-up is answered 500 without its cause', async () => {
    const guard = createOutboundGuard({ allowHosts: [] });
    const gateway = createModelGateway({
      lookup: () => Promise.reject(new Error('database password is hunter2')),
      guard,
      recordUsage: () => undefined,
      logger: { info: () => undefined, warn: () => undefined },
    });
    const response = await gateway.request('/openai/v1/models', {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('hunter2');
    await guard.close();
  });

  test('a provider without a credential is answered 403 and names the variables', async () => {
    await open({ credentials: () => ({}) });
    const response = await post(CHAT, {});
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('OPENAI_API_KEY or OPENAI_BASE_URL');
  });
});

describe('what is offered', () => {
  test.each([
    ['POST', 'openai/v1/files'],
    ['POST', 'openai/v1/chat/completions/'],
    ['POST', 'openai/chat/completions'],
    ['POST', 'openai/v1/../admin'],
    ['POST', 'openai/v1/%2e%2e/admin'],
    ['POST', 'openai/v1/models%2f..%2fadmin'],
    ['GET', 'openai/v1/models/..%2f..%2fadmin'],
    ['GET', 'openai/v1/models/a/b/c/d/e'],
    ['GET', 'openai/v1/chat/completions'],
    ['GET', 'openai/v1/responses/resp_1'],
    ['GET', 'openrouter/api/v1/key'],
    ['DELETE', 'openai/v1/models/gpt'],
    ['PUT', 'anthropic/v1/messages'],
    ['POST', 'anthropic/v1/messages/batches'],
    ['POST', 'other/v1/chat/completions'],
  ])('%s %s is not', async (method, path) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${fixture.base}/model/${path}`, { method, headers });
    expect(response.status).toBe(404);
    expect(fixture.upstream.seen).toHaveLength(0);
  });

  test.each([
    ['POST', 'openai/v1/chat/completions', '/v1/chat/completions'],
    ['POST', 'openai/v1/responses', '/v1/responses'],
    ['POST', 'openai/v1/embeddings', '/v1/embeddings'],
    ['GET', 'openai/v1/models', '/v1/models'],
    ['GET', 'openrouter/api/v1/models/acme/main-1:free/endpoints', '/v1/models/acme/main-1%3Afree/endpoints'],
    ['POST', 'openrouter/api/v1/chat/completions?debug=1', '/v1/chat/completions'],
    ['POST', 'anthropic/v1/messages?beta=true', '/v1/messages?beta=true'],
    ['POST', 'anthropic/messages', '/v1/messages'],
    ['POST', 'anthropic/v1/messages/count_tokens', '/v1/messages/count_tokens'],
  ])('%s %s is, at %s of the model server', async (method, path, target) => {
    const headers = { 'x-api-key': TOKEN };
    const init = method === 'POST' ? { method, headers, body: '{}' } : { headers };
    const response = await fetch(`${fixture.base}/model/${path}`, init);
    expect(response.status).toBe(200);
    await response.text();
    expect(fixture.upstream.seen[0]?.url).toBe(target);
    expect(fixture.upstream.seen[0]?.method).toBe(method);
  });
});

describe('what passes', () => {
  test('the body as it is, the real key in place of the token, and no header that is nobody’s business', async () => {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      cookie: 'session=1',
      'x-forwarded-for': '10.0.0.1',
      'openai-organization': 'org-1',
      'http-referer': 'https://app.example',
    };
    await (await post(CHAT, { model: 'gpt', text: 'ä€' }, { headers })).text();
    const seen = fixture.upstream.seen[0]?.headers ?? {};
    expect(fixture.upstream.bodies[0]).toBe('{"model":"gpt","text":"ä€"}');
    expect(seen).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'http-referer': 'https://app.example',
      'accept-encoding': 'identity',
      'content-length': String(Buffer.byteLength(fixture.upstream.bodies[0] ?? '')),
    });
    for (const name of ['cookie', 'x-forwarded-for', 'openai-organization', 'x-api-key']) {
      expect(seen).not.toHaveProperty(name);
    }
    expect(JSON.stringify(seen)).not.toContain(TOKEN);
  });

  test('Anthropic’s API gets the key its own way', async () => {
    await (await post('anthropic/v1/messages', {})).text();
    expect(fixture.upstream.seen[0]?.headers['x-api-key']).toBe(KEY);
    expect(fixture.upstream.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  test('a server without a key gets none', async () => {
    await open({ credentials: (baseUrl) => ({ openai: { kind: 'http', baseUrl, apiKey: null } }) });
    await (await post(CHAT, {})).text();
    expect(fixture.upstream.seen[0]?.headers).not.toHaveProperty('authorization');
  });

  test('an error of the model server with its status and Retry-After, but not its cookies', async () => {
    fixture.upstream.handler = (_request, response) =>
      json(
        response,
        429,
        { error: { message: 'slow down' } },
        { 'retry-after': '7', 'set-cookie': 'a=b', server: 'x' },
      );
    const response = await post(CHAT, {});
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(response.headers.get('server')).toBeNull();
    expect(await response.json()).toEqual({ error: { message: 'slow down' } });
  });

  test('a stream, piece by piece and not at its end', async () => {
    let next: () => void = () => undefined;
    fixture.upstream.handler = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      await new Promise<void>((resolve) => (next = resolve));
      response.end('data: two\n\n');
    };
    const reader = (await post(CHAT, {})).body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: one\n\n');
    next();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: two\n\n');
    expect((await reader?.read())?.done).toBe(true);
  });

  test('no more than the reader takes', async () => {
    let written = 0;
    fixture.upstream.handler = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const piece = Buffer.alloc(64 * 1024, 'x');
      response.setMaxListeners(0);
      while (written < 256 * 1024 * 1024 && !response.destroyed) {
        written += piece.length;
        if (!response.write(piece))
          await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
      }
      response.end();
    };
    const controller = new AbortController();
    const response = await post(CHAT, {}, { signal: controller.signal });
    await response.body?.getReader().read();
    await sleep(300);
    const before = written;
    await sleep(300);
    expect(written).toBe(before);
    expect(written).toBeLessThan(64 * 1024 * 1024);
    controller.abort();
  });
});

describe('the real key', () => {
  test.each(['whole', 'in pieces'])('never comes back, even from a server that echoes it %s', async (how) => {
    const echo = `{"echo":"Bearer ${KEY}","again":"${KEY}${KEY}"}`;
    fixture.upstream.handler = async (_request, response) => {
      response.writeHead(how === 'whole' ? 401 : 200, {
        'content-type': 'application/json',
        'x-request-id': `r-${KEY}`,
      });
      for (const piece of how === 'whole' ? [echo] : (echo.match(/.{1,7}/g) ?? [])) {
        response.write(piece);
        if (how !== 'whole') await sleep(1);
      }
      response.end();
    };
    const response = await post(CHAT, {});
    const text = await response.text();
    expect(text).toBe(echo.replaceAll(KEY, '*'.repeat(KEY.length)));
    expect(JSON.stringify([...response.headers])).not.toContain(KEY);
    expect(JSON.stringify(fixture.logged)).not.toContain(KEY);
  });
});

describe('what is refused', () => {
  test('a body over the bound, told by its length', async () => {
    await open({ limits: { maxBodyBytes: 1000 } });
    const response = await post(CHAT, 'x'.repeat(1001));
    expect(response.status).toBe(413);
    expect(await response.text()).toContain('1000 bytes');
    expect(fixture.upstream.seen).toHaveLength(0);
  });

  test('a body over the bound that does not tell its length', async () => {
    await open({ limits: { maxBodyBytes: 100_000 } });
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { authorization: `Bearer ${TOKEN}`, 'transfer-encoding': 'chunked' };
      const request = httpRequest(
        `${fixture.base}/model/${CHAT}`,
        { method: 'POST', headers },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
          request.destroy();
        },
      );
      request.on('error', reject);
      for (let index = 0; index < 20; index += 1) request.write('x'.repeat(10_000));
      request.end();
    });
    expect(status).toBe(413);
  });

  test('a redirect of the model server', async () => {
    fixture.upstream.handler = (_request, response) =>
      response.writeHead(307, { location: 'http://169.254.169.254/latest' }).end();
    const response = await post(CHAT, {});
    expect(response.status).toBe(502);
    expect(await response.text()).toContain('Set OPENAI_BASE_URL to the final address');
    expect(fixture.upstream.seen).toHaveLength(1);
  });

  test('a compressed answer, which could hide the key', async () => {
    fixture.upstream.handler = (_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('xx');
    expect((await post(CHAT, {})).status).toBe(502);
  });

  test('a private model server that the operator has not opened', async () => {
    await open({ allow: false });
    const response = await post(CHAT, {});
    const text = await response.text();
    expect(response.status).toBe(403);
    expect(text).toContain('127.0.0.1 is loopback');
    expect(text).toContain('BANATA_MODEL_ALLOW_HOSTS');
    expect(fixture.upstream.seen).toHaveLength(0);
  });

  test('more calls at a time than allowed, until one ends', async () => {
    await open({ limits: { maxConcurrent: 1 } });
    let finish: () => void = () => undefined;
    fixture.upstream.handler = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{');
      await new Promise<void>((resolve) => (finish = resolve));
      response.end('}');
    };
    const first = await post(CHAT, {});
    const second = await post(CHAT, {});
    expect(second.status).toBe(429);
    expect(second.headers.get('retry-after')).toBe('1');
    finish();
    expect(await first.text()).toBe('{}');
    fixture.upstream.handler = (_request, response) => json(response, 200, {});
    expect((await post(CHAT, {})).status).toBe(200);
  });
});

describe('when something breaks', () => {
  test('a model server that is down is named, with what to do', async () => {
    await closeServer(fixture.upstream.server);
    const response = await post('anthropic/v1/messages', {});
    expect(response.status).toBe(502);
    const body = (await response.json()) as { type: string; error: { message: string } };
    expect(body.type).toBe('error');
    expect(body.error.message).toContain(
      `127.0.0.1:${fixture.upstream.port} (ECONNREFUSED). Check ANTHROPIC_BASE_URL`,
    );
  });

  test('a model server that does not begin to answer is given up', async () => {
    await open({ limits: { firstByteMs: 200 } });
    fixture.upstream.handler = () => sleep(60_000, undefined, { ref: false });
    const response = await post(CHAT, {});
    expect(response.status).toBe(504);
    expect(await response.text()).toContain('did not begin to answer');
  });

  test('a call that takes too long before its answer begins is answered 504', async () => {
    await open({ limits: { totalMs: 200 } });
    fixture.upstream.handler = () => sleep(60_000, undefined, { ref: false });
    expect((await post(CHAT, {})).status).toBe(504);
  });

  test('a stream that falls silent is cut, not ended as if it were whole', async () => {
    await open({ limits: { idleMs: 200 } });
    fixture.upstream.handler = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      await sleep(60_000, undefined, { ref: false });
    };
    await expect((await post(CHAT, {})).text()).rejects.toThrow();
    await vi.waitFor(() => expect(fixture.usage[0]?.usage.outcome).toBe('upstream_failed'));
  });

  test.each([0, 50])(
    'a stream that the model server breaks after %d ms is cut, with nothing put in',
    async (pause) => {
      const printed = vi.spyOn(console, 'error');
      fixture.upstream.handler = async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: one\n\n');
        await sleep(pause);
        response.destroy();
      };
      const received: Buffer[] = [];
      const isWhole = await new Promise<boolean>((resolve, reject) => {
        const headers = { authorization: `Bearer ${TOKEN}` };
        const request = httpRequest(
          `${fixture.base}/model/${CHAT}`,
          { method: 'POST', headers },
          (response) => {
            response.on('data', (chunk: Buffer) => received.push(chunk));
            response.on('close', () => resolve(response.complete)).on('error', () => undefined);
          },
        );
        request.on('error', (error) => (pause === 0 ? resolve(false) : reject(error))).end('{}');
      });
      expect(isWhole).toBe(false);
      expect(['', 'data: one\n\n']).toContain(Buffer.concat(received).toString());
      expect(printed).not.toHaveBeenCalled();
      printed.mockRestore();
    },
  );

  test('a call that takes too long altogether is ended', async () => {
    await open({ limits: { totalMs: 300 } });
    fixture.upstream.handler = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      while (!response.destroyed) {
        response.write('data: again\n\n');
        await sleep(20);
      }
    };
    await expect((await post(CHAT, {})).text()).rejects.toThrow();
    await vi.waitFor(() => expect(fixture.usage[0]?.usage.outcome).toBe('upstream_failed'));
  });

  test.each(['before the answer', 'in the middle of it'])(
    'a box that leaves %s closes the model server’s side',
    async (when) => {
      let closed = false;
      fixture.upstream.handler = async (_request, response) => {
        response.on('close', () => (closed = true));
        if (when !== 'before the answer') {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('data: one\n\n');
        }
        await sleep(60_000, undefined, { ref: false });
      };
      const controller = new AbortController();
      const answer = post(CHAT, {}, { signal: controller.signal });
      if (when === 'before the answer')
        await vi.waitFor(() => expect(fixture.upstream.bodies).toHaveLength(1));
      else await (await answer).body?.getReader().read();
      controller.abort();
      await answer.catch(() => undefined);
      await vi.waitFor(() => expect(closed).toBe(true));
      if (when !== 'before the answer') {
        await vi.waitFor(() => expect(fixture.usage[0]?.usage.outcome).toBe('client_closed'));
      }
    },
  );

  test('usage that cannot be recorded spoils nothing', async () => {
    await open({ recordUsage: () => Promise.reject(new Error('no database')) });
    expect(await (await post(CHAT, {})).json()).toEqual({ ok: true });
    await vi.waitFor(() => expect(JSON.stringify(fixture.logged)).toContain('usage was not recorded'));
  });
});

describe('metering', () => {
  test('reads the figures of a stream and records them once', async () => {
    fixture.upstream.handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"model":"gpt-x","choices":[{"delta":{"content":"hi"}}]}\n\n');
      response.write('data: {"model":"gpt-x","choices":[],"usage":{"prompt_tokens":12,"compl');
      response.end('etion_tokens":3,"prompt_tokens_details":{"cached_tokens":5}}}\n\ndata: [DONE]\n\n');
    };
    await (await post(CHAT, {})).text();
    await vi.waitFor(() => expect(fixture.usage).toHaveLength(1));
    expect(fixture.usage[0]).toMatchObject({
      sandboxId: 'sandbox-1',
      usage: {
        provider: 'openai',
        operation: 'chat/completions',
        model: 'gpt-x',
        inputTokens: 12,
        outputTokens: 3,
        cacheReadTokens: 5,
        status: 200,
        outcome: 'completed',
      },
    });
  });
});

describe('a streamed chat completion whose client did not ask for its usage', () => {
  const delta = 'data: {"model":"gpt-x","choices":[{"delta":{"content":"hi"}}],"usage":null}\n\n';
  const usage = 'data: {"model":"gpt-x","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}}\n\n';
  const done = 'data: [DONE]\n\n';

  beforeEach(() => {
    fixture.upstream.handler = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(delta + usage + done);
    };
  });

  test('is metered, and the client sees no more than it asked for', async () => {
    const text = await (await post(CHAT, { model: 'gpt', stream: true })).text();
    expect(text).toBe(delta + done);
    expect(JSON.parse(fixture.upstream.bodies[0] ?? '')).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
    await vi.waitFor(() => expect(fixture.usage).toHaveLength(1));
    expect(fixture.usage[0]?.usage).toMatchObject({
      requestedModel: 'gpt',
      inputTokens: 12,
      outputTokens: 3,
      isEstimate: false,
    });
  });

  test('one that asked sees it', async () => {
    const asked = { model: 'gpt', stream: true, stream_options: { include_usage: true } };
    expect(await (await post(CHAT, asked)).text()).toBe(delta + usage + done);
  });

  test('one that leaves before the end is counted by the length of what there was', async () => {
    fixture.upstream.handler = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(delta.repeat(100));
      await sleep(60_000, undefined, { ref: false });
    };
    const reader = (await post(CHAT, { stream: true, text: 'x'.repeat(4_000) })).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await vi.waitFor(() => expect(fixture.usage).toHaveLength(1), { timeout: 10_000 });
    const counted = fixture.usage[0]?.usage;
    expect(counted).toMatchObject({ outcome: 'client_closed', isEstimate: true });
    expect(counted?.inputTokens).toBeGreaterThan(1_000);
    expect(counted?.outputTokens).toBeGreaterThan(100);
  });
});

describe('budgets', () => {
  test('a call that they do not allow reaches no model server', async () => {
    const refusal = new GatewayError(402, 'BUDGET_EXCEEDED: all is used');
    const asked: unknown[] = [];
    await open({
      admit: (sandboxId, call) => {
        asked.push(sandboxId, call);
        return Promise.reject(refusal);
      },
    });
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      'x-session-id': 'ses_1',
      'x-parent-session-id': 'ses_0',
    };
    const response = await post(CHAT, {}, { headers });
    expect(response.status).toBe(402);
    expect(await response.text()).toContain('BUDGET_EXCEEDED: all is used');
    expect(asked).toEqual(['sandbox-1', { sessions: ['ses_1', 'ses_0'], underWay: 1 }]);
    expect(fixture.upstream.seen).toHaveLength(0);
    const models = await fetch(`${fixture.base}/model/openai/v1/models`, { headers });
    expect(models.status).toBe(200);
    expect(asked).toHaveLength(2);
  });
});

describe('the demo model', () => {
  test('answers without any network', async () => {
    await open({ credentials: () => ({ openai: { kind: 'demo' } }) });
    const models = await fetch(`${fixture.base}/model/openai/v1/models`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(await models.json()).toMatchObject({ data: [{ id: 'banata-demo' }] });
    const response = await post(CHAT, { stream: true, messages: [{ role: 'user', content: 'hi' }] });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(await response.text()).toContain('data: [DONE]');
    expect(fixture.upstream.seen).toHaveLength(0);
    await vi.waitFor(() => expect(fixture.usage).toHaveLength(2));
  });

  test('says what it does not offer and what it cannot read', async () => {
    await open({ credentials: () => ({ openai: { kind: 'demo' } }) });
    expect((await post('openai/v1/embeddings', {})).status).toBe(404);
    expect((await post(CHAT, 'not json')).status).toBe(400);
    const invalid = await post(CHAT, { messages: 'none' });
    expect(invalid.status).toBe(400);
    expect(await invalid.text()).toContain('messages');
    expect((await post(CHAT, `"${'x'.repeat(5 * 1024 * 1024)}"`)).status).toBe(413);
  });
});

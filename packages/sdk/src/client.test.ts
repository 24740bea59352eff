import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { BanataSandbox } from './client.ts';
import { BanataError } from './error.ts';
import {
  closedPort,
  type Handler,
  openStream,
  sendEvent,
  sendJson,
  startTestServer,
  type TestServer,
} from './testing/http-server.ts';

const retry = { maxRetries: 2, baseDelayMs: 1, maxDelayMs: 2 };
let server: TestServer | undefined;

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

async function client(handler: Handler): Promise<{ banata: BanataSandbox; seen: TestServer['seen'] }> {
  server = await startTestServer(handler);
  return {
    banata: new BanataSandbox({ apiKey: 'br_live_x', baseUrl: `${server.url}/`, retry }),
    seen: server.seen,
  };
}

function session(more: Record<string, unknown> = {}): Record<string, unknown> {
  return { id: 's1', status: 'queued', capabilities: null, endReason: null, ...more };
}

async function failureOf(promise: Promise<unknown>): Promise<BanataError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(BanataError);
  return error as BanataError;
}

describe('requests', () => {
  test('carry the key and the documented fields', async () => {
    const { banata, seen } = await client((request, response) =>
      sendJson(
        response,
        200,
        request.path === '/v1/sandboxes' ? session({ status: 'ready' }) : { stdout: 'hi' },
      ),
    );
    const sandbox = await banata.connect('s1');
    const result = await sandbox.exec('sh', ['-lc', 'echo hi'], { cwd: '/tmp', timeout: 5_000 });
    expect(result.stdout).toBe('hi');
    expect(seen[0]).toMatchObject({ method: 'GET', headers: { authorization: 'Bearer br_live_x' } });
    expect(seen[0]?.query.get('id')).toBe('s1');
    expect(JSON.parse(seen[1]?.body ?? '')).toEqual({
      id: 's1',
      command: 'sh',
      args: ['-lc', 'echo hi'],
      cwd: '/tmp',
      timeout: 5_000,
    });
  });

  test('files travel as raw bytes', async () => {
    const bytes = Uint8Array.from([0, 255, 10, 13]);
    const { banata, seen } = await client((request, response) => {
      if (request.method === 'PUT') sendJson(response, 200, { path: '/workspace/a', size: 4 });
      else if (request.path.endsWith('/file')) response.end(bytes);
      else sendJson(response, 200, session());
    });
    const sandbox = await banata.connect('s1');
    await sandbox.fs.write('/workspace/ä b', bytes);
    expect(await sandbox.fs.readBytes('/workspace/ä b')).toEqual(bytes);
    expect(seen[1]?.headers['content-type']).toBe('application/octet-stream');
    expect(seen[1]?.query.get('path')).toBe('/workspace/ä b');
  });

  test('an error reply becomes a BanataError with everything the server said', async () => {
    const { banata, seen } = await client((_, response) =>
      sendJson(response, 403, {
        error: 'Insufficient permissions',
        code: 'PERMISSION_DENIED',
        suggestion: 'Do',
        requiredScope: 'x',
      }),
    );
    const error = await failureOf(banata.create());
    expect(error).toMatchObject({
      status: 403,
      code: 'PERMISSION_DENIED',
      message: 'Insufficient permissions',
      suggestion: 'Do',
    });
    expect(error.details).toEqual({ requiredScope: 'x' });
    expect(seen).toHaveLength(1);
  });

  test('a reply of something else than Banata is told apart', async () => {
    const { banata } = await client((request, response) => {
      response.statusCode = request.method === 'GET' ? 200 : 418;
      response.end('<html>');
    });
    expect(await failureOf(banata.get('s1'))).toMatchObject({ code: 'INVALID_RESPONSE' });
    expect(await failureOf(banata.create())).toMatchObject({ code: 'HTTP_418', status: 418 });
  });

  test('reads are retried after 500, commands are not', async () => {
    const { banata, seen } = await client((request, response) =>
      request.path === '/v1/sandboxes' && seen.length === 1
        ? sendJson(response, 200, session())
        : sendJson(response, 500, { error: 'Internal error', code: 'INTERNAL', suggestion: '' }),
    );
    const sandbox = await banata.connect('s1');
    expect(await failureOf(sandbox.exec('true'))).toMatchObject({ status: 500 });
    expect(seen.filter((request) => request.path.endsWith('/exec'))).toHaveLength(1);
    expect(await failureOf(sandbox.refresh())).toMatchObject({ status: 500 });
    expect(seen).toHaveLength(1 + 1 + 3);
  });

  test('a refused command is retried and then works', async () => {
    const { banata, seen } = await client((_, response) =>
      seen.length < 3
        ? sendJson(response, 429, { error: 'Slow down', code: 'RATE_LIMITED' }, { 'retry-after': '0' })
        : sendJson(response, 201, session()),
    );
    expect(await banata.create()).toMatchObject({ id: 's1' });
    expect(seen).toHaveLength(3);
  });

  test('a server that is not there is named', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`;
    const banata = new BanataSandbox({ apiKey: 'k', baseUrl: url, retry });
    const error = await failureOf(banata.list());
    expect(error).toMatchObject({ status: 0, code: 'NETWORK_ERROR' });
    expect(error.message).toContain(url);
  });

  test('a create that failed half-way is repeated under the same Idempotency-Key', async () => {
    const { banata, seen } = await client((_, response) =>
      seen.length === 1
        ? sendJson(response, 500, { error: 'Internal error', code: 'INTERNAL', suggestion: '' })
        : sendJson(response, 201, session()),
    );
    expect(await banata.create()).toMatchObject({ id: 's1' });
    const keys = seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys).toEqual([keys[0], keys[0]]);
    await banata.create({}, { idempotencyKey: 'job-42' });
    expect(seen.at(-1)?.headers['idempotency-key']).toBe('job-42');
  });

  test('an abort rejects with its own reason and is not retried', async () => {
    const stop = new AbortController();
    const { banata, seen } = await client(() => stop.abort(new Error('my reason')));
    await expect(banata.get('s1', { signal: stop.signal })).rejects.toThrow('my reason');
    expect(seen).toHaveLength(1);
  });

  test.each([
    [{ apiKey: '' }, 'apiKey'],
    [{ apiKey: 'a\nb' }, 'apiKey'],
    [{ apiKey: 'k', baseUrl: 'localhost:7070' }, 'baseUrl'],
    [{ apiKey: 'k', appUrl: 'x' }, 'appUrl'],
  ])('wrong options %j are refused', (options, name) => {
    expect(() => new BanataSandbox(options)).toThrow(name);
  });

  test('an empty id never reaches the route that lists', async () => {
    const banata = new BanataSandbox({ apiKey: 'k' });
    expect(() => banata.get('')).toThrow('id of the sandbox');
    expect(() => banata.kill('')).toThrow('id of the sandbox');
  });
});

describe('arguments that a runtime takes amiss', () => {
  const ready = session({ status: 'ready' });

  test.each([Infinity, 1e12])('a timeout of %d ms is a long one, not none', async (timeout) => {
    const { banata } = await client((request, response) => {
      const reply = request.path === '/v1/sandboxes' ? ready : { stdout: 'late' };
      setTimeout(() => sendJson(response, 200, reply), 30);
    });
    await banata.waitForReady('s1', timeout);
    const sandbox = await banata.launch({ timeout });
    expect((await sandbox.exec('true', undefined, { timeout })).stdout).toBe('late');
  });

  test.each([undefined, null, 5, true, {}, [1], Readable.from(['text'])])(
    'content %# is refused, and the file stays as it is',
    async (content) => {
      const { banata, seen } = await client((_request, response) => sendJson(response, 200, ready));
      const { fs } = await banata.connect('s1');
      const failure = await failureOf(fs.write('/workspace/a', content as never));
      expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', status: 0 });
      expect(await failureOf(fs.upload(content as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(seen).toHaveLength(1);
    },
  );

  test('text is read with its byte order mark', async () => {
    const { banata } = await client((request, response) => {
      if (request.path === '/v1/sandboxes') return sendJson(response, 200, ready);
      response.writeHead(200).end('\uFEFFa');
    });
    expect(await (await banata.connect('s1')).fs.read('/workspace/a')).toBe('\uFEFFa');
  });

  test('bytes on standard input arrive as base64, however many', async () => {
    const { banata, seen } = await client((_request, response) => sendJson(response, 200, ready));
    const bytes = new Uint8Array(300_000).map((_, index) => index);
    await (await banata.connect('s1')).exec('cat', undefined, { stdin: bytes });
    const body = JSON.parse(seen[1]?.body ?? '') as { stdin: string; stdinEncoding: string };
    expect(body.stdinEncoding).toBe('base64');
    expect(new Uint8Array(Buffer.from(body.stdin, 'base64'))).toEqual(bytes);
  });
});

describe('launch', () => {
  const capabilities = { browser: {}, agent: { enabled: true } };

  test('waits for the sandbox, the browser and the agent', async () => {
    let agentReady = 0;
    const { banata, seen } = await client(async (request, response) => {
      if (request.method === 'POST') return sendJson(response, 201, session({ capabilities }));
      if (request.path === '/v1/sandboxes/events') {
        openStream(response);
        sendEvent(response, { seq: 1, type: 'sandbox.ready', data: { startupMs: 3 } });
        sendEvent(response, { seq: 2, type: 'sandbox.browser.ready' });
        await new Promise((resolve) => setTimeout(resolve, 50));
        agentReady = performance.now();
        return sendEvent(response, { seq: 3, type: 'sandbox.agent.ready', data: { version: '1' } });
      }
      return sendJson(response, 200, session({ capabilities, status: agentReady ? 'ready' : 'assigning' }));
    });
    const sandbox = await banata.launch({ capabilities });
    expect(agentReady).toBeGreaterThan(0);
    expect(sandbox.session.status).toBe('ready');
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ capabilities });
  });

  test('works by polling alone', async () => {
    const { banata } = await client((request, response) => {
      if (request.method === 'POST')
        return sendJson(response, 201, session({ capabilities: { browser: {} } }));
      if (request.path.endsWith('/events'))
        return sendJson(response, 404, { error: 'x', code: 'ROUTE_NOT_FOUND' });
      if (request.path.endsWith('/browser-preview')) return sendJson(response, 200, { status: 'ready' });
      return sendJson(response, 200, session({ status: 'ready' }));
    });
    expect((await banata.launch({ capabilities: { browser: {} } })).id).toBe('s1');
  });

  test('a failed sandbox tells why and is ended', async () => {
    const { banata, seen } = await client((request, response) => {
      if (request.method === 'POST') return sendJson(response, 201, session());
      if (request.path.endsWith('/events')) {
        openStream(response);
        return sendEvent(response, { seq: 1, type: 'sandbox.failed', data: { reason: 'disk full' } });
      }
      return sendJson(response, 200, session({ status: 'queued' }));
    });
    const error = await failureOf(banata.launch());
    expect(error).toMatchObject({
      code: 'SANDBOX_FAILED',
      details: { sandboxId: 's1', reason: 'disk full' },
    });
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE' });
  });

  test('a timeout names what is missing and ends the sandbox', async () => {
    const { banata, seen } = await client((request, response) => {
      if (request.path.endsWith('/events')) return openStream(response);
      return sendJson(response, 200, session());
    });
    const error = await failureOf(banata.launch({ timeout: 100 }));
    expect(error).toMatchObject({ code: 'TIMEOUT' });
    expect(error.message).toContain('still missing: sandbox');
    expect(seen.at(-1)).toMatchObject({ method: 'DELETE' });
  });

  test('its timeout is for all of it, the request that creates included', async () => {
    const { banata, seen } = await client((request, response) => {
      if (request.path.endsWith('/events')) return openStream(response);
      return sendJson(response, 200, session());
    });
    await failureOf(banata.launch({ timeout: 100 }));
    expect(seen[0]).toMatchObject({ method: 'POST', headers: { prefer: 'wait=0' } });
    await failureOf(banata.launch({ timeout: 2_500 }));
    expect(seen.filter((request) => request.method === 'POST')[1]?.headers['prefer']).toBe('wait=2');
  });

  test('an aborted launch ends the sandbox', async () => {
    const stop = new AbortController();
    const { banata, seen } = await client((request, response) => {
      if (request.path.endsWith('/events')) {
        openStream(response);
        return stop.abort(new Error('changed my mind'));
      }
      return sendJson(response, 200, session());
    });
    await expect(banata.launch({ signal: stop.signal })).rejects.toThrow('changed my mind');
    expect(seen.map((request) => request.method)).toContain('DELETE');
  });
});

describe('tasks', () => {
  const task = (status: string): Record<string, unknown> => ({
    taskId: 't1',
    sandboxId: 's1',
    status,
    resultText: 'done',
  });

  test('are followed over a broken connection, each event once', async () => {
    const streams: (string | undefined)[] = [];
    const { banata } = await client(async (request, response) => {
      if (request.path === '/v1/sandboxes/agent/tasks') return sendJson(response, 200, task('running'));
      if (request.path !== '/v1/sandboxes/agent/events')
        return sendJson(response, 200, session({ status: 'active' }));
      streams.push(request.headers['last-event-id'] as string | undefined);
      openStream(response);
      if (streams.length === 1) {
        sendEvent(response, { seq: 4, type: 'sandbox.agent.task.running', data: task('running') });
        sendEvent(response, {
          seq: 5,
          type: 'sandbox.agent.text.delta',
          data: { taskId: 'other', text: 'x' },
        });
        await new Promise((resolve) => setTimeout(resolve, 20));
        response.destroy();
        return;
      }
      sendEvent(response, { seq: 4, type: 'sandbox.agent.task.running', data: task('running') });
      sendEvent(response, { seq: 6, type: 'sandbox.agent.task.completed', data: task('completed') });
    });
    const events: number[] = [];
    const sandbox = await banata.connect('s1');
    const finished = await sandbox.waitForTask('t1', { onEvent: (event) => void events.push(event.seq) });
    expect(finished.resultText).toBe('done');
    expect(streams).toEqual(['0', '5']);
    expect(events).toEqual([4, 6]);
  });

  test('are polled where the stream never answers', async () => {
    let polls = 0;
    const { banata } = await client((request, response) => {
      if (request.path.endsWith('/events')) return undefined;
      if (!request.path.endsWith('/tasks')) return sendJson(response, 200, session());
      polls += 1;
      return sendJson(response, 200, task(polls > 1 ? 'failed' : 'running'));
    });
    const finished = await (await banata.connect('s1')).waitForTask('t1');
    expect(finished.status).toBe('failed');
  });

  test('an error in the listener ends the wait', async () => {
    const { banata } = await client((request, response) => {
      if (!request.path.endsWith('/events'))
        return sendJson(response, 200, request.path.endsWith('/tasks') ? task('running') : session());
      openStream(response);
      return sendEvent(response, { seq: 1, type: 'sandbox.agent.task.running', data: task('running') });
    });
    const sandbox = await banata.connect('s1');
    const waiting = sandbox.waitForTask('t1', {
      onEvent: () => {
        throw new Error('listener');
      },
    });
    await expect(waiting).rejects.toThrow('listener');
  });

  test('an unknown task is null to getAgentTask and an error to waitForTask', async () => {
    const { banata } = await client((request, response) =>
      request.path.endsWith('/tasks')
        ? sendJson(response, 404, { error: 'Agent task not found', code: 'TASK_NOT_FOUND' })
        : request.path.endsWith('/events')
          ? openStream(response)
          : sendJson(response, 200, session()),
    );
    const sandbox = await banata.connect('s1');
    expect(await sandbox.getAgentTask('t1')).toBeNull();
    expect(await failureOf(sandbox.waitForTask('t1'))).toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  test('a wait that is too short says that the task goes on', async () => {
    const { banata } = await client((request, response) => {
      if (request.path.endsWith('/events')) return openStream(response);
      return sendJson(response, 200, request.path.endsWith('/tasks') ? task('running') : session());
    });
    const sandbox = await banata.connect('s1');
    expect(await failureOf(sandbox.waitForTask('t1', { timeoutMs: 80 }))).toMatchObject({ code: 'TIMEOUT' });
  });
});

test('events end with the sandbox, also when the stream closes before the last one', async () => {
  const { banata } = await client((request, response) => {
    if (!request.path.endsWith('/events')) return sendJson(response, 200, session({ status: 'ended' }));
    openStream(response);
    sendEvent(response, { seq: 1, type: 'sandbox.created' });
    return void response.end();
  });
  const types: string[] = [];
  for await (const event of (await banata.connect('s1')).events()) types.push(event.type);
  expect(types).toEqual(['sandbox.created']);
});

test('a signed download goes without the key', async () => {
  const { banata, seen } = await client((request, response) => {
    if (request.path.endsWith('/download'))
      return sendJson(response, 200, { url: '/v1/artifacts/content?token=t', expiresAt: 1 });
    if (request.path.endsWith('/content')) return void response.end('body');
    return sendJson(response, 200, session());
  });
  const sandbox = await banata.connect('s1');
  expect(new TextDecoder().decode(await sandbox.artifacts.download('k'))).toBe('body');
  expect(seen.at(-1)?.headers.authorization).toBeUndefined();
});

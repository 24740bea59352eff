import { afterAll, beforeAll, expect, test } from 'vitest';
import { Collector, treeBelow, type CollectedSpan } from '../testing/collector.ts';
import { TestPostgres } from '../testing/database.ts';
import { ask } from '../testing/json-client.ts';
import { answerStatus, Receiver } from '../testing/receiver.ts';
import { TestServer } from '../testing/test-server.ts';

let postgres: TestPostgres;
let collector: Collector;
let receiver: Receiver;
let server: TestServer;
let key: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  collector = await Collector.start();
  receiver = await Receiver.start(answerStatus(204));
  server = await TestServer.start({
    database: await postgres.create(),
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      BANATA_WEBHOOK_ALLOW_HOSTS: receiver.host,
    },
  });
  key = server.apiKey ?? '';
});
afterAll(async () => {
  await server.close();
  await collector[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
  await postgres.close();
});

/** Begins a trace as a caller does. */
function newTrace(number: number) {
  const traceId = number.toString(16).padStart(32, '0');
  const spanId = number.toString(16).padStart(16, '0');
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-01` } };
}

/** Spans of a trace, once there are those with these names. */
async function spansOf(traceId: string, ...names: string[]): Promise<CollectedSpan[]> {
  const found = () => collector.spans.filter((span) => span.traceId === traceId);
  await expect
    .poll(() => found().map(({ name }) => name), { timeout: 10_000 })
    .toEqual(expect.arrayContaining(names));
  return found();
}

const named = (spans: CollectedSpan[], name: string) => {
  const span = spans.find((one) => one.name === name);
  if (!span) throw new Error(`no span ${name}`);
  return span;
};

async function makeSandbox(json: object = {}, headers: Record<string, string> = {}): Promise<string> {
  const { body } = await ask(server, key, {
    path: '/v1/sandboxes',
    json: { idleTimeoutMs: null, env: { SECRET_OF_THE_SANDBOX: 'hunter2' }, ...json },
    headers: { prefer: 'wait=10', ...headers },
  });
  expect(body['status']).toBe('ready');
  return String(body['id']);
}

test('creating a sandbox is one trace: the request, the making with its phases, the call to the box', async () => {
  const { traceId, spanId, headers } = newTrace(1);
  const id = await makeSandbox({}, headers);
  const spans = await spansOf(traceId, 'POST /v1/sandboxes', 'sandbox.provision.record');
  expect(treeBelow(spans, spanId)).toEqual({
    'POST /v1/sandboxes': {
      'sandbox.provision': {
        'sandbox.provision.assign': {},
        'sandbox.provision.configure': {},
        'sandbox.provision.record': {},
        'box PUT /config': {},
      },
    },
  });
  const request = named(spans, 'POST /v1/sandboxes');
  expect(request).toMatchObject({
    kind: 2,
    failed: false,
    attributes: { 'http.route': '/v1/sandboxes', 'http.response.status_code': 201 },
  });
  const me = await ask(server, key, { path: '/v1/auth/me' });
  expect(request.attributes['banata.organization.id']).toBe((me.body['organization'] as { id: string }).id);
  expect(named(spans, 'sandbox.provision').attributes['banata.sandbox.id']).toBe(id);
});

test('a command is a request with a call to the box below it; what the box refuses is marked', async () => {
  const id = await makeSandbox();
  const { traceId, spanId, headers } = newTrace(2);
  // A box of the null driver runs nothing.
  const reply = await ask(server, key, {
    path: '/v1/sandboxes/exec',
    json: { id, command: 'cat /etc/very-secret-path' },
    headers,
  });
  expect(reply.status).toBe(400);
  const spans = await spansOf(traceId, 'POST /v1/sandboxes/exec');
  expect(treeBelow(spans, spanId)).toEqual({ 'POST /v1/sandboxes/exec': { 'box POST /exec': {} } });
  expect(named(spans, 'POST /v1/sandboxes/exec')).toMatchObject({
    failed: false,
    attributes: {
      'banata.sandbox.id': id,
      'banata.error.code': 'NOT_SUPPORTED',
      'http.response.status_code': 400,
      'banata.request.id': reply.headers.get('x-request-id'),
    },
  });
  expect(named(spans, 'box POST /exec')).toMatchObject({
    kind: 3,
    attributes: { 'http.response.status_code': 501 },
  });
});

test('a caller’s mistake is no failure, and a traceparent that is none begins a new trace', async () => {
  const { traceId, headers } = newTrace(3);
  await ask(server, key, { path: `/v1/sandboxes?id=${'a'.repeat(32)}`, headers });
  expect(named(await spansOf(traceId, 'GET /v1/sandboxes'), 'GET /v1/sandboxes')).toMatchObject({
    failed: false,
    attributes: { 'http.response.status_code': 404, 'banata.error.code': 'SANDBOX_NOT_FOUND' },
  });
  const { headers: answered } = await ask(server, key, {
    path: '/v1/plans',
    headers: { traceparent: `00-${'0'.repeat(32)}-zz-01` },
  });
  const isThis = (span: CollectedSpan) =>
    span.attributes['banata.request.id'] === answered.get('x-request-id');
  await expect.poll(() => collector.spans.filter(isThis), { timeout: 5_000 }).toHaveLength(1);
  expect(collector.spans.find(isThis)?.parentSpanId).toBeUndefined();
});

test('a caller that does not sample is not traced', async () => {
  const { traceId, spanId } = newTrace(4);
  await ask(server, key, { path: '/v1/plans', headers: { traceparent: `00-${traceId}-${spanId}-00` } });
  const after = newTrace(5);
  await ask(server, key, { path: '/v1/plans', headers: after.headers });
  await spansOf(after.traceId, 'GET /v1/plans');
  expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
});

test('the run of a task belongs to the trace of the request that made it', async () => {
  const id = await makeSandbox({
    capabilities: { agent: { enabled: true } },
    env: { OPENAI_API_KEY: 'sk-hunter2', OPENAI_MODEL: 'm' },
  });
  const { traceId, spanId, headers } = newTrace(6);
  const { body } = await ask(server, key, {
    path: '/v1/sandboxes/agent/prompt-async',
    json: { id, prompt: 'hunter2 is the password' },
    headers,
  });
  await spansOf(traceId, 'agent.task.hand_over');
  await ask(server, key, { method: 'DELETE', path: `/v1/sandboxes?id=${id}` });
  const spans = await spansOf(traceId, 'agent.task');
  const request = 'POST /v1/sandboxes/agent/prompt-async';
  expect(treeBelow(spans, spanId)[request]).toMatchObject({ 'agent.task': {}, 'agent.task.hand_over': {} });
  expect(named(spans, 'agent.task')).toMatchObject({
    failed: true,
    attributes: {
      'banata.task.id': body['taskId'],
      'banata.task.status': 'failed',
      'error.type': 'SANDBOX_ENDED',
    },
  });
});

test('each attempt of a webhook delivery is a span', async () => {
  await ask(server, key, {
    path: '/v1/webhooks',
    json: { url: receiver.url('/hunter2'), eventTypes: ['sandbox.created'] },
  });
  const id = await makeSandbox();
  const isThis = (span: CollectedSpan) =>
    span.name === 'webhook.deliver' && span.attributes['banata.sandbox.id'] === id;
  await expect.poll(() => collector.spans.filter(isThis), { timeout: 10_000 }).toHaveLength(1);
  expect(collector.spans.find(isThis)).toMatchObject({
    kind: 3,
    failed: false,
    attributes: {
      'banata.event.type': 'sandbox.created',
      'banata.delivery.attempt': 1,
      'http.response.status_code': 204,
    },
  });
});

test('no secret is in what was sent: keys, environments, commands, prompts, addresses of webhooks', () => {
  expect(collector.text).toContain('"banata"');
  for (const secret of ['br_live_', 'hunter2', 'very-secret-path', 'Bearer']) {
    expect(collector.text).not.toContain(secret);
  }
});

test('a collector that is gone costs nothing and is logged once', async () => {
  const lines: string[] = [];
  await using gone = await Collector.start();
  const dead = gone.url;
  await gone[Symbol.asyncDispose]();
  const quiet = await TestServer.start({
    database: await postgres.create(),
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: dead,
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_EXPORTER_OTLP_TIMEOUT: '50',
      OTEL_BSP_MAX_QUEUE_SIZE: '16',
      BANATA_LOG_LEVEL: 'warn',
    },
    log: (line) => lines.push(line),
  });
  try {
    for (let count = 0; count < 200; count += 1) {
      expect((await quiet.fetch('/v1/plans', { key: quiet.apiKey })).status).toBe(200);
    }
    await expect.poll(() => lines.length, { timeout: 5_000 }).toBe(1);
    expect(lines[0]).toContain('tracing.failed');
  } finally {
    const startedAt = performance.now();
    await quiet.close();
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  }
});

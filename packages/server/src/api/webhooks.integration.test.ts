import type { OrganizationEvent, SnakeWebhook, Webhook, WebhookDelivery } from '@banata/protocol';
import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestPostgres } from '../testing/database.ts';
import { Receiver } from '../testing/receiver.ts';
import { TestServer } from '../testing/test-server.ts';

const POLL = { timeout: 8_000, interval: 20 };

let postgres: TestPostgres;
let receiver: Receiver;
let server: TestServer;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  receiver = await Receiver.start();
  server = await TestServer.start({
    database: await postgres.create(),
    env: { BANATA_WEBHOOK_ALLOW_HOSTS: receiver.host },
  });
});
afterAll(async () => {
  await server?.close();
  await receiver?.[Symbol.asyncDispose]();
  await postgres?.close();
});

async function call<T>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
  const response = await server.fetch(path, {
    method,
    key: server.apiKey,
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as T };
}

describe('webhooks', () => {
  test('answer in the names they were asked in, or in those that are asked for', async () => {
    const camel = await call<Webhook>('POST', '/v1/webhooks', {
      url: receiver.url('/camel'),
      eventTypes: ['sandbox.ended', 'sandbox.ended'],
      description: 'Results',
    });
    expect(camel.status).toBe(201);
    expect(camel.body).toEqual({
      id: expect.stringMatching(/^[a-z0-9]{32}$/) as string,
      url: receiver.url('/camel'),
      description: 'Results',
      eventTypes: ['sandbox.ended'],
      enabled: true,
      disabledReason: null,
      failingSince: null,
      previousSecretUntil: null,
      createdAt: expect.any(Number) as number,
      updatedAt: expect.any(Number) as number,
      signingSecret: expect.stringMatching(/^[0-9a-f]{48}$/) as string,
    });
    const snake = await call<SnakeWebhook>('POST', '/v1/webhooks', {
      url: receiver.url('/snake'),
      event_types: ['sandbox.failed'],
      description: '',
    });
    expect(snake.body).toMatchObject({
      event_types: ['sandbox.failed'],
      created_at: expect.any(Number) as number,
      signing_secret: expect.stringMatching(/^[0-9a-f]{48}$/) as string,
    });
    const { id } = snake.body;
    const again = await call<SnakeWebhook>('GET', `/v1/webhooks?id=${id}`);
    expect(again.body).toMatchObject({ id, event_types: ['sandbox.failed'] });
    expect(again.body).not.toHaveProperty('signing_secret');
    const asked = await call<Webhook>('GET', `/v1/webhooks?id=${id}&style=camel`);
    expect(asked.body).toMatchObject({ id, eventTypes: ['sandbox.failed'] });
    const list = await call<{ data: Webhook[]; nextCursor: string | null }>('GET', '/v1/webhooks?limit=1');
    expect(list.body.data[0]).toMatchObject({ id });
    const rest = await call<{ data: Webhook[] }>('GET', `/v1/webhooks?cursor=${list.body.nextCursor}`);
    expect(rest.body.data.map((webhook) => webhook.id)).toContain(camel.body.id);
    const deleted = await call('DELETE', `/v1/webhooks?id=${id}`);
    expect(deleted.body).toEqual({ id, deleted: true });
    expect(await call('GET', `/v1/webhooks?id=${id}`)).toMatchObject({
      status: 404,
      body: { code: 'WEBHOOK_NOT_FOUND' },
    });
  });

  test.each([
    [{}, 'url'],
    [{ url: 'https://a.example/', eventTypes: ['sandbox.nonsense'] }, 'sandbox.nonsense'],
    [{ url: 'https://a.example/', eventTypes: [] }, 'eventTypes'],
    [
      { url: 'https://a.example/', eventTypes: ['sandbox.ended'], event_types: ['sandbox.ended'] },
      'not both',
    ],
    [{ url: 'https://a.example/', secret: 'x' }, 'Unknown field: secret'],
  ])('refuse %j', async (body, text) => {
    expect(await call('POST', '/v1/webhooks', body)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_REQUEST', error: expect.stringContaining(text) as string },
    });
  });

  test('refuse addresses that are not the internet’s', async () => {
    expect(await call('POST', '/v1/webhooks', { url: 'https://10.0.0.1/' })).toMatchObject({
      status: 400,
      body: {
        code: 'WEBHOOK_URL_REFUSED',
        suggestion: expect.stringContaining('BANATA_WEBHOOK_ALLOW_HOSTS') as string,
      },
    });
  });

  test('are limited in number, also when made at once', async () => {
    const replies = await Promise.all(
      Array.from({ length: 55 }, () =>
        call<Webhook>('POST', '/v1/webhooks', { url: 'https://a.example/', eventTypes: ['machine.lost'] }),
      ),
    );
    expect(replies.filter(({ status }) => status === 409).length).toBeGreaterThanOrEqual(5);
    const { body } = await call<{ data: Webhook[] }>('GET', '/v1/webhooks?limit=200');
    expect(body.data).toHaveLength(50);
    for (const { status, body: made } of replies)
      if (status === 201) await call('DELETE', `/v1/webhooks?id=${made.id}`);
  });

  test('bring the metadata of the task', async () => {
    const { body: webhook } = await call<Webhook>('POST', '/v1/webhooks', {
      url: receiver.url('/tasks'),
      eventTypes: ['sandbox.agent.task.queued'],
    });
    const env = { OPENAI_API_KEY: 'sk-test', OPENAI_MODEL: 'acme/main-1' };
    const { body: sandbox } = await call<{ id: string }>('POST', '/v1/sandboxes', {
      env,
      capabilities: { agent: { enabled: true } },
    });
    const prompt = () =>
      call<{ taskId: string }>('POST', '/v1/sandboxes/agent/prompt-async', {
        id: sandbox.id,
        prompt: 'Say hello',
        metadata: { userId: 'user_123', jobs: [1, null] },
      });
    await expect
      .poll(
        async () => (await call<{ status: string }>('GET', `/v1/sandboxes?id=${sandbox.id}`)).body.status,
        POLL,
      )
      .toBe('ready');
    const { body: task } = await prompt();
    await expect
      .poll(() => receiver.received.filter((entry) => entry.path === '/tasks').length, POLL)
      .toBe(1);
    const request = receiver.received.find((entry) => entry.path === '/tasks');
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      type: 'sandbox.agent.task.queued',
      sandboxId: sandbox.id,
      data: { taskId: task.taskId, metadata: { userId: 'user_123', jobs: [1, null] } },
    });
    expect(request?.body).not.toContain('sk-test');
    await call('DELETE', `/v1/webhooks?id=${webhook.id}`);
  });

  test('show a delivery with attempts and payload, and send it again', async () => {
    const { body: webhook } = await call<Webhook>('POST', '/v1/webhooks', { url: receiver.url('/test') });
    const sent = await call<WebhookDelivery>('POST', '/v1/webhooks/test', { id: webhook.id });
    expect(sent.status).toBe(202);
    const path = `/v1/webhooks/deliveries?id=${webhook.id}&deliveryId=${sent.body.id}`;
    await expect
      .poll(async () => (await call<WebhookDelivery>('GET', path)).body.status, POLL)
      .toBe('delivered');
    const { body: delivery } = await call<WebhookDelivery>('GET', path);
    expect(delivery.attempts).toEqual([
      {
        number: 1,
        startedAt: expect.any(Number) as number,
        durationMs: expect.any(Number) as number,
        status: 200,
        error: null,
        responseBody: '',
      },
    ]);
    expect(delivery.payload).toMatchObject({ type: 'webhook.test', data: { webhookId: webhook.id } });
    const again = await call('POST', '/v1/webhooks/redeliver', { id: webhook.id, deliveryId: delivery.id });
    expect(again.status).toBe(202);
    await expect
      .poll(async () => (await call<WebhookDelivery>('GET', path)).body.attempts.length, POLL)
      .toBe(2);
    const ids = receiver.received
      .filter((entry) => entry.path === '/test')
      .map(({ headers }) => headers['webhook-id']);
    // The receiver is told of other tests' sandboxes as well.
    expect(ids.filter((id) => id === delivery.eventId)).toHaveLength(2);
    expect(await call('POST', '/v1/webhooks/redeliver', { id: webhook.id, deliveryId: 'x' })).toMatchObject({
      status: 404,
      body: { code: 'DELIVERY_NOT_FOUND' },
    });
  });
});

describe('events of the organization', () => {
  test('are listed by cursor and streamed on, from where a client was', async () => {
    const stop = new AbortController();
    const live = await openStream('/v1/events?type=sandbox.created,sandbox.ready', stop.signal);
    const { body: created } = await call<{ id: string }>('POST', '/v1/sandboxes', {});
    const seen = await live.take(2);
    expect(seen.map(({ type, sandboxId }) => [type, sandboxId])).toEqual([
      ['sandbox.created', created.id],
      ['sandbox.ready', created.id],
    ]);
    const [first] = seen as [OrganizationEvent];
    const resumed = await openStream(
      '/v1/events?type=sandbox.created,sandbox.ready',
      stop.signal,
      first.cursor,
    );
    expect((await resumed.take(1)).map(({ id }) => id)).toEqual([seen[1]?.id]);
    stop.abort();

    const page = await call<{ data: OrganizationEvent[]; nextCursor: string }>(
      'GET',
      `/v1/events?sandboxId=${created.id}&limit=2`,
    );
    expect(page.body.data).toHaveLength(2);
    const rest = await call<{ data: OrganizationEvent[] }>(
      'GET',
      `/v1/events?sandboxId=${created.id}&after=${page.body.nextCursor}`,
    );
    expect(rest.body.data.map(({ seq }) => seq)[0]).toBe(3);
    // Of this sandbox: those of other tests go on meanwhile.
    const newest = await call<{ data: OrganizationEvent[] }>(
      'GET',
      `/v1/events?order=desc&limit=1&sandboxId=${created.id}`,
    );
    expect(newest.body.data[0]?.id).toBe(rest.body.data.at(-1)?.id);
    expect(await call('GET', '/v1/events?after=nonsense')).toMatchObject({ status: 400 });
    expect(await call('GET', '/v1/events?type=nonsense')).toMatchObject({ status: 400 });
    expect(await call('GET', '/v1/events?sandboxId=nonsense')).toMatchObject({ status: 404 });
  });
});

async function openStream(path: string, signal: AbortSignal, lastEventId?: string) {
  const headers = { accept: 'text/event-stream', ...(lastEventId && { 'last-event-id': lastEventId }) };
  const response = await server.fetch(path, { key: server.apiKey, headers, signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events: OrganizationEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      const parsed = JSON.parse(data) as OrganizationEvent;
      expect(id).toBe(parsed.cursor);
      expect(event).toBe(parsed.type);
      events.push(parsed);
    },
  });
  const decoder = new TextDecoder();
  void (async () => {
    for await (const chunk of response.body ?? [])
      parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
  })().catch(() => undefined);
  return {
    take: async (count: number) => {
      await expect.poll(() => events.length, { timeout: 5_000 }).toBeGreaterThanOrEqual(count);
      return events.slice(0, count);
    },
  };
}

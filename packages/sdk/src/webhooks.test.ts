import { afterEach, expect, test } from 'vitest';
import { BanataSandbox } from './client.ts';
import { sendJson, startTestServer, type TestServer } from './testing/http-server.ts';

let server: TestServer | undefined;

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

test('every method sends the request the contract has', async () => {
  server = await startTestServer((_request, response) => sendJson(response, 200, { id: 'w1' }));
  const banata = new BanataSandbox({ apiKey: 'br_live_x', baseUrl: server.url });
  const { webhooks } = banata;
  await banata.createWebhook({ url: 'https://a.example/', eventTypes: ['sandbox.ended'], description: 'd' });
  await webhooks.get('w1');
  await webhooks.list({ limit: 5, cursor: 'c' });
  await webhooks.update('w1', { eventTypes: null, enabled: false });
  await webhooks.rotateSecret('w1', { overlapMs: 0 });
  await webhooks.test('w1');
  await webhooks.deliveries('w1', { status: 'failed' });
  await webhooks.getDelivery('w1', 'd1');
  await webhooks.redeliver('w1', 'd1');
  await webhooks.delete('w1');
  const sent = server.seen.map(({ method, path, query, body }) => [
    `${method} ${path}`,
    method === 'POST' ? (JSON.parse(body) as unknown) : Object.fromEntries(query),
  ]);
  expect(sent).toEqual([
    ['POST /v1/webhooks', { url: 'https://a.example/', eventTypes: ['sandbox.ended'], description: 'd' }],
    ['GET /v1/webhooks', { id: 'w1', style: 'camel' }],
    ['GET /v1/webhooks', { limit: '5', cursor: 'c', style: 'camel' }],
    ['POST /v1/webhooks/update', { id: 'w1', eventTypes: null, enabled: false, style: 'camel' }],
    ['POST /v1/webhooks/rotate-secret', { id: 'w1', overlapMs: 0, style: 'camel' }],
    ['POST /v1/webhooks/test', { id: 'w1' }],
    ['GET /v1/webhooks/deliveries', { id: 'w1', status: 'failed' }],
    ['GET /v1/webhooks/deliveries', { id: 'w1', deliveryId: 'd1' }],
    ['POST /v1/webhooks/redeliver', { id: 'w1', deliveryId: 'd1' }],
    ['DELETE /v1/webhooks', { id: 'w1' }],
  ]);
});

import { BanataSandbox, verifyWebhook, type WebhookEvent } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const received: { headers: IncomingHttpHeaders; body: string }[] = [];
let receiver: Server;
let host: string;
let model: ScriptedModel;
let installation: Installation;
let banata: BanataSandbox;

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  model = await startScriptedModel({ apiKey: 'sk-test' });
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
    BANATA_WEBHOOK_ALLOW_HOSTS: host,
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
  receiver?.closeAllConnections();
  receiver?.close();
});

test('the end of a task is posted with its metadata, signed, also when the server is killed meanwhile', async () => {
  const { id, signingSecret } = await banata.createWebhook({
    url: `http://${host}/hooks`,
    eventTypes: ['sandbox.agent.task.completed', 'sandbox.ended'],
    description: 'Task results',
  });
  const sandbox = await banata.launch({
    env: { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: { agent: { enabled: true } },
  });
  const { taskId } = await sandbox.promptAsync('SCENARIO:bash command="sleep 2" reply="Done."', {
    metadata: { jobId: 'job-42' },
  });
  await until('the task runs', async () =>
    (await sandbox.getAgentTask(taskId))?.status === 'running' ? true : undefined,
  );
  await installation.stopServer('SIGKILL');
  await installation.startServer();
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
  expect(task.status).toBe('completed');
  await sandbox.kill();

  const events = await until('both events arrive', async () => {
    const verified = await Promise.all(
      received.map(({ headers, body }) => verifyWebhook({ headers, body, secret: signingSecret })),
    );
    return verified.some(({ type }) => type === 'sandbox.ended') ? verified : undefined;
  });
  const completed = events.find(
    (event): event is Extract<WebhookEvent, { type: 'sandbox.agent.task.completed' }> =>
      event.type === 'sandbox.agent.task.completed',
  );
  expect(completed).toMatchObject({
    sandboxId: sandbox.id,
    data: { taskId, status: 'completed', resultText: 'Done.', metadata: { jobId: 'job-42' } },
  });
  const { data } = await banata.webhooks.deliveries(id);
  expect(data.map(({ eventType, status }) => [eventType, status])).toEqual([
    ['sandbox.ended', 'delivered'],
    ['sandbox.agent.task.completed', 'delivered'],
  ]);
});

test('a webhook is tested, changed, rotated and deleted', async () => {
  const webhook = await banata.createWebhook({ url: `http://${host}/second` });
  const { id: deliveryId } = await banata.webhooks.test(webhook.id);
  const delivery = await until('the test arrives', async () => {
    const current = await banata.webhooks.getDelivery(webhook.id, deliveryId);
    return current.status === 'delivered' ? current : undefined;
  });
  expect(delivery.payload).toMatchObject({ type: 'webhook.test', data: { webhookId: webhook.id } });
  const changed = await banata.webhooks.update(webhook.id, {
    eventTypes: ['sandbox.failed'],
    enabled: false,
  });
  expect(changed).toMatchObject({ eventTypes: ['sandbox.failed'], enabled: false });
  await expect(banata.webhooks.test(webhook.id)).rejects.toMatchObject({
    code: 'WEBHOOK_DISABLED',
    status: 409,
  });
  const rotated = await banata.webhooks.rotateSecret(webhook.id);
  expect(rotated.signingSecret).not.toBe(webhook.signingSecret);
  await banata.webhooks.delete(webhook.id);
  await expect(banata.webhooks.get(webhook.id)).rejects.toMatchObject({
    code: 'WEBHOOK_NOT_FOUND',
    status: 404,
  });
});

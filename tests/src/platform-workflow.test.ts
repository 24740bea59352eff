import {
  BanataSandbox,
  verifyWebhook,
  type OrganizationBanataEvent,
  type WebhookEvent,
} from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Collector } from './support/collector.ts';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const received: { headers: IncomingHttpHeaders; body: string }[] = [];
const collector = new Collector();
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
  await collector.start();
  installation = await Installation.start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
    BANATA_WEBHOOK_ALLOW_HOSTS: host,
    // Cold starts have all of the host's steps.
    BANATA_WARM: '0',
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(async () => {
  await installation?.remove();
  collector.close();
  await model?.close();
  receiver?.closeAllConnections();
  receiver?.close();
});

/** A client whose requests all belong to one trace. */
async function tracedClient(digit: string): Promise<BanataSandbox> {
  return new BanataSandbox({
    apiKey: await installation.apiKey(),
    baseUrl: installation.url,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set('traceparent', `00-${digit.repeat(32)}-${'c'.repeat(16)}-01`);
      return fetch(input, { ...init, headers });
    },
  });
}

/** Keeps the organization's events until `signal` aborts, over any end of the server. */
async function follow(into: OrganizationBanataEvent[], signal: AbortSignal): Promise<void> {
  const patient = new BanataSandbox({
    apiKey: await installation.apiKey(),
    baseUrl: installation.url,
    retry: { maxRetries: 20 },
  });
  try {
    for await (const event of patient.events.follow({ signal })) into.push(event);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const outline = (digit: string) => collector.outline(digit.repeat(32), 'c'.repeat(16));

test('making a sandbox and running a command in it are traced down to the host’s steps and the box', async () => {
  const making = await tracedClient('1');
  const { id } = await making.launch();
  const running = await (await tracedClient('2')).connect(id);
  expect((await running.exec('echo traced')).stdout).toBe('traced\n');
  await running.kill();

  await expect.poll(() => outline('2'), { timeout: 10_000 }).toContain('DELETE /v1/sandboxes');
  expect(outline('2')).toEqual([
    'GET /v1/sandboxes',
    'POST /v1/sandboxes/exec',
    '  box POST /exec',
    'DELETE /v1/sandboxes',
  ]);
  const lines = outline('1');
  expect(lines.slice(0, 3)).toEqual([
    'POST /v1/sandboxes',
    '  sandbox.provision',
    '    sandbox.provision.assign',
  ]);
  expect(lines).toContain('    box PUT /config');
  const phases = lines.filter((line) => line.startsWith('    sandbox.provision.'));
  // Those of the host come between.
  expect(phases.length).toBeGreaterThan(4);
  expect(phases.slice(-2)).toEqual(['    sandbox.provision.configure', '    sandbox.provision.record']);
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
  const prompting = await (await tracedClient('3')).connect(sandbox.id);
  const { taskId } = await prompting.promptAsync('SCENARIO:bash command="sleep 2" reply="Done."', {
    metadata: { jobId: 'job-42' },
  });
  await until('the task runs', async () =>
    (await sandbox.getAgentTask(taskId))?.status === 'running' ? true : undefined,
  );
  const seen: OrganizationBanataEvent[] = [];
  const stop = new AbortController();
  const following = follow(seen, stop.signal);
  await installation.stopServer('SIGKILL');
  await installation.startServer();
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
  expect(task.status).toBe('completed');
  // The server that saw the end is not the one that took the prompt.
  await expect.poll(() => outline('3'), { timeout: 10_000 }).toContain('  agent.task');
  await sandbox.kill();
  await expect.poll(() => seen.map(({ type }) => type), { timeout: 10_000 }).toContain('sandbox.ended');
  stop.abort();
  await following;
  const ends = seen.filter(({ type }) => type === 'sandbox.agent.task.completed' || type === 'sandbox.ended');
  expect(ends.map(({ type, sandboxId }) => [type, sandboxId])).toEqual([
    ['sandbox.agent.task.completed', sandbox.id],
    ['sandbox.ended', sandbox.id],
  ]);
  expect(new Set(seen.map(({ cursor }) => cursor)).size).toBe(seen.length);

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
  // The receiver has it a moment before the server has noted that.
  const delivered = async (): Promise<string[][]> => {
    const { data } = await banata.webhooks.deliveries(id);
    return data.map(({ eventType, status }) => [eventType, status]);
  };
  await expect.poll(delivered).toEqual([
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

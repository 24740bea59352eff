import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import type { WebhookPayload } from '@banata/protocol';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort, Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const KEY = 'sk-handoff-7d21';
const LOGIN = `<!doctype html><title>Sign in</title><body style="margin:0">
<form action="/inside"><input name="code" autofocus autocomplete="off"
  style="position:absolute;left:0;top:0;width:100%;height:100%;font-size:60px"></form>`;
const RUNS = process.env['BANATA_TEST_ALL'] ? 20 : 3;

let installation: Installation;
let banata: BanataSandbox;
let model: ScriptedModel;
let site: Server;
let receiver: Server;
let sandbox: Sandbox;
let origin: string;
const codes: string[] = [];
const received: WebhookPayload[] = [];

beforeAll(async () => {
  const port = await freePort();
  site = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const code = url.searchParams.get('code');
    if (code !== null) codes.push(code);
    const body = code === '1234' ? '<!doctype html><title>Inside</title><h1>Welcome</h1>' : LOGIN;
    response.writeHead(200, { 'content-type': 'text/html' }).end(body);
  });
  site.listen(port, '127.0.0.1');
  await once(site, 'listening');
  origin = `http://host.banata.internal:${port}`;
  receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push(JSON.parse(body) as WebhookPayload);
      response.writeHead(204).end();
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const receiverPort = (receiver.address() as AddressInfo).port;
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
    BANATA_HOST_PORTS: String(port),
    BANATA_WEBHOOK_ALLOW_HOSTS: `127.0.0.1:${receiverPort}`,
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  await banata.webhooks.create({
    url: `http://127.0.0.1:${receiverPort}/`,
    eventTypes: [
      'sandbox.handoff.requested',
      'sandbox.handoff.accepted',
      'sandbox.handoff.completed',
      'sandbox.handoff.cancelled',
      'sandbox.handoff.expired',
      'sandbox.agent.task.completed',
    ],
  });
  sandbox = await banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: { browser: { humanInLoop: true }, agent: { enabled: true } },
  });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
  for (const server of [site, receiver]) {
    server?.closeAllConnections();
    server?.close();
  }
});

const refusal = (code: string): unknown => expect.objectContaining({ code });
const request = (more: object = {}) =>
  sandbox.requestHumanHandoff({ reason: 'mfa', message: 'Enter the code.', ...more });
const webhook = (type: string, requestId: string): Promise<WebhookPayload> =>
  until(`the webhook ${type}`, async () =>
    received.find((payload) => payload.type === type && JSON.stringify(payload).includes(requestId)),
  );
/** First requests to the model after prompts that say that a person is done. */
const followUps = (needle: string) =>
  model.requests.filter(
    ({ prompt, step }) => step === 0 && prompt.includes('has given control back') && prompt.includes(needle),
  );
/** How often a text stands in the prompts of the agent's session. */
async function timesPrompted(sessionId: string | null, text: string): Promise<number> {
  const messages = await sandbox.getMessages(sessionId === null ? {} : { sessionId });
  return messages.filter(({ role, parts }) => role === 'user' && JSON.stringify(parts).includes(text)).length;
}

function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
}

async function ask(resume: string): Promise<{ taskId: string; requestId: string }> {
  const { taskId } = await sandbox.promptAsync(
    `SCENARIO:handoff resume="${resume.replaceAll('"', String.raw`\"`)}"`,
  );
  await until('the task waits', async () =>
    (await sandbox.getAgentTask(taskId))?.status === 'waiting_for_human' ? true : undefined,
  );
  const { handoff } = await sandbox.getHumanHandoff();
  return { taskId, requestId: handoff?.requestId ?? '' };
}

test('the agent asks, a person does it through the link, the agent goes on from that page', async () => {
  const resume = 'SCENARIO:continue path=/workspace/result.md content=Inside reply=Finished';
  const { taskId } = await sandbox.promptAsync(
    `SCENARIO:handoff url=${origin}/login message="Enter the code of the test" resume="${resume}"`,
    { metadata: { jobId: 'j9' } },
  );
  const asked = await until('the webhook with the link', async () =>
    received.find(({ type }) => type === 'sandbox.handoff.requested'),
  );
  await until('the task waits', async () =>
    (await sandbox.getAgentTask(taskId))?.status === 'waiting_for_human' ? true : undefined,
  );
  expect((await sandbox.getAgentState()).state).toBe('waiting_for_human');
  await expect(sandbox.navigatePreview(origin)).rejects.toEqual(refusal('CONTROL_HELD_BY_HUMAN'));
  const waits = await sandbox.promptAsync('SCENARIO:text reply=later');
  const chat = await sandbox.promptAsync('SCENARIO:text reply=here', { duringHandoff: true });
  expect(await sandbox.waitForTask(chat.taskId)).toMatchObject({ resultText: 'here' });
  expect(await sandbox.getAgentTask(waits.taskId)).toMatchObject({ status: 'queued' });

  const { viewerUrl, requestId } = asked.data as { viewerUrl: string; requestId: string };
  const person = await launchChromium();
  try {
    const page = await person.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(viewerUrl);
    await page.getByText('Enter the code of the test').waitFor();
    await page.locator('canvas').first().waitFor({ timeout: 20_000 });
    await page.getByRole('button', { name: 'Take control' }).click();
    await page.getByText('You have control.').waitFor();
    const screen = page.getByRole('application').locator('canvas').first();
    await until('the code arrives', async () => {
      await screen.click().catch(() => undefined);
      await page.keyboard.type('1234\n', { delay: 20 });
      return codes.includes('1234') ? true : undefined;
    });
    await page.getByLabel('Note').fill('Code was on my phone');
    await page.getByRole('button', { name: 'Done' }).click();
    await page
      .getByRole('heading', { name: 'Done. Thank you.' })
      .or(page.getByText('Code was on my phone'))
      .first()
      .waitFor();
  } finally {
    await person.close();
  }
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
  expect(task).toMatchObject({ status: 'completed', resultText: 'Finished', metadata: { jobId: 'j9' } });
  expect(await sandbox.fs.read('/workspace/result.md')).toBe('Inside');
  expect((await sandbox.getPreview()).title).toBe('Inside');
  expect((await sandbox.waitForTask(waits.taskId)).resultText).toBe('later');
  expect(followUps('Code was on my phone')).toHaveLength(1);

  const { data } = await webhook('sandbox.handoff.completed', requestId);
  expect(data).toMatchObject({ requestId, note: 'Code was on my phone', taskId });
  await webhook('sandbox.handoff.accepted', requestId);
  await webhook('sandbox.agent.task.completed', taskId);
  const told = await fetch(`${installation.url}/v1/sandboxes/events?id=${sandbox.id}&limit=1000`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}` },
  });
  const text = await told.text();
  expect(text).toContain(requestId);
  expect(text).not.toContain(new URL(viewerUrl).searchParams.get('token'));
});

describe('requests by API', () => {
  test('twenty accept at once: one gets it, the others are told who', async () => {
    const { handoff, viewerUrl, preview } = await request();
    expect(handoff).toMatchObject({ status: 'pending', requestedBy: 'sdk', round: 1 });
    expect(preview).toMatchObject({ controlMode: 'human' });
    expect(viewerUrl).toContain(`handoff=${handoff.requestId}`);
    await expect(request()).rejects.toEqual(refusal('HANDOFF_OPEN'));
    await expect(sandbox.completeHumanHandoff()).rejects.toEqual(refusal('HANDOFF_NOT_ACCEPTED'));
    const answers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => sandbox.acceptHumanHandoff({ controller: `person-${index}` })),
    );
    const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const lost = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as object] : []));
    expect([won.length, lost.length]).toEqual([1, 19]);
    const controller = won[0]?.handoff.controller;
    for (const error of lost)
      expect(error).toMatchObject({ status: 409, code: 'HANDOFF_TAKEN', details: { controller } });
    await expect(sandbox.completeHumanHandoff({ controller: 'nobody' })).rejects.toEqual(
      refusal('HANDOFF_TAKEN'),
    );
    const done = await sandbox.completeHumanHandoff({ returnControlTo: 'shared' });
    expect(done).toMatchObject({
      handoff: { status: 'completed' },
      preview: { controlMode: 'shared' },
      viewerUrl: null,
    });
    await sandbox.browser.setControl({ mode: 'ai' });
    expect((await sandbox.getHumanHandoff()).humanHandoff).toMatchObject({ requestId: handoff.requestId });
    expect((await sandbox.handoff.history({ limit: 1 })).nextCursor).not.toBeNull();
  });

  test('a person who leaves loses it, and others are asked again', async () => {
    const { handoff } = await request();
    await sandbox.acceptHumanHandoff({ controller: 'ada', leaseMs: 1000 });
    const again = await until('it is open again', async () => {
      const { handoff: present } = await sandbox.getHumanHandoff();
      return present?.round === 2 ? present : undefined;
    });
    expect(again).toMatchObject({ requestId: handoff.requestId, status: 'pending' });
    await expect(sandbox.navigatePreview(origin)).rejects.toEqual(refusal('CONTROL_HELD_BY_HUMAN'));
    const waiting = sandbox.waitForHandoff();
    await sandbox.cancelHumanHandoff({ note: 'not needed' });
    expect(await waiting).toMatchObject({ status: 'cancelled', note: 'not needed' });
    await sandbox.navigatePreview(origin);
  });
});

describe('over crashes', () => {
  test('pending and accepted requests outlive a killed server; the follow-up runs once', async () => {
    const { taskId, requestId } = await ask('SCENARIO:text reply=resumed-one');
    await installation.stopServer('SIGKILL');
    await installation.startServer();
    await expect(sandbox.navigatePreview(origin)).rejects.toEqual(refusal('CONTROL_HELD_BY_HUMAN'));
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    await installation.stopServer('SIGKILL');
    await installation.startServer();
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({
      status: 'accepted',
      controller: 'ada',
    });
    const { handoff } = await sandbox.completeHumanHandoff({ controller: 'ada' });
    await installation.stopServer('SIGKILL');
    await installation.startServer();
    const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
    expect(task.resultText).toBe('resumed-one');
    expect(handoff.requestId).toBe(requestId);
    // By the agent's own messages: a model call that a kill cut off is made again.
    expect(await timesPrompted(task.sessionId, 'has given control back')).toBe(1);
  });

  test('a deadline that passes while the server is down is told to the agent', async () => {
    const { taskId } = await sandbox.promptAsync('SCENARIO:handoff expires=4000 message=expiring-one');
    await until('the task waits', async () =>
      (await sandbox.getAgentTask(taskId))?.status === 'waiting_for_human' ? true : undefined,
    );
    await installation.stopServer('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await installation.startServer();
    const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
    expect(task.status).toBe('completed');
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ status: 'expired' });
    expect(await timesPrompted(task.sessionId, 'Nobody came in time')).toBe(1);
    await sandbox.navigatePreview(origin);
  });

  test('a task that waits can be cancelled, and takes its request along', async () => {
    const { taskId, requestId } = await ask('Go on.');
    expect(await sandbox.agent.cancelTask(taskId)).toMatchObject({ status: 'cancelled' });
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ requestId, status: 'cancelled' });
    await sandbox.navigatePreview(origin);
  });
});

test('automation stops and goes on at once', async () => {
  const { cdpUrl } = await sandbox.getPreview();
  const browser = await chromium.connectOverCDP(cdpUrl);
  const page = browser.contexts()[0]!.pages()[0]!;
  const stops: number[] = [];
  const resumes: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const marker = `resumed-${run}-of-many`;
    const asked = performance.now();
    const requested = request({ resumePrompt: `SCENARIO:text reply=${marker}` });
    for (;;) {
      const refused = await page.evaluate('1').then(
        () => false,
        () => true,
      );
      if (refused) break;
    }
    stops.push(performance.now() - asked);
    await requested;
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    const completedAt = Date.now();
    const { handoff } = await sandbox.completeHumanHandoff();
    await sandbox.waitForTask(handoff.followUpTaskId ?? '', { timeoutMs: 60_000 });
    const [first, ...more] = followUps(marker);
    expect(more).toEqual([]);
    resumes.push((first?.at ?? NaN) - completedAt);
  }
  await browser.close();
  const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
  process.stderr.write(
    `handoff, medians of ${RUNS}: request to refusal ${median(stops).toFixed(0)} ms, complete to prompt at the model ${median(resumes).toFixed(0)} ms\n`,
  );
  expect(median(stops)).toBeLessThan(2_000);
  expect(median(resumes)).toBeLessThan(5_000);
});

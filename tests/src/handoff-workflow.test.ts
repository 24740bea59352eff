import type { Sandbox } from '@banata-boxes/sdk';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, HandoffRig, launchChromium, untilWaiting } from './support/handoff-rig.ts';
import { until } from './support/until.ts';

const RUNS = process.env['BANATA_TEST_ALL'] ? 20 : 3;

let rig: HandoffRig;
let sandbox: Sandbox;

beforeAll(async () => {
  rig = await HandoffRig.start();
  sandbox = await rig.launch();
});

afterAll(() => rig?.remove());

const refusal = (code: string): unknown => expect.objectContaining({ code });
const request = (more: object = {}) =>
  sandbox.requestHumanHandoff({ reason: 'mfa', message: 'Enter the code.', ...more });
/** How often a text stands in the prompts of the agent's session. */
async function timesPrompted(sessionId: string | null, text: string): Promise<number> {
  const messages = await sandbox.getMessages(sessionId === null ? {} : { sessionId });
  return messages.filter(({ role, parts }) => role === 'user' && JSON.stringify(parts).includes(text)).length;
}

test('the agent asks, a person does it through the link, the agent goes on from that page', async () => {
  const resume = 'SCENARIO:continue path=/workspace/result.md content=Inside reply=Finished';
  const { taskId } = await sandbox.promptAsync(
    `SCENARIO:handoff url=${rig.origin}/login message="Enter the code of the test" resume="${resume}"`,
    { metadata: { jobId: 'j9' } },
  );
  const asked = await until('the webhook with the link', async () =>
    rig.received.find(({ type }) => type === 'sandbox.handoff.requested'),
  );
  await untilWaiting(sandbox, taskId);
  expect((await sandbox.getAgentState()).state).toBe('waiting_for_human');
  await expect(sandbox.navigatePreview(rig.origin)).rejects.toEqual(refusal('CONTROL_HELD_BY_HUMAN'));
  const queued = await sandbox.promptAsync('SCENARIO:text reply=later');
  const chat = await sandbox.promptAsync('SCENARIO:text reply=here', { duringHandoff: true });
  expect(await sandbox.waitForTask(chat.taskId)).toMatchObject({ resultText: 'here' });
  expect(await sandbox.getAgentTask(queued.taskId)).toMatchObject({ status: 'queued' });

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
      return rig.visits.includes('/inside?code=1234') ? true : undefined;
    });
    await page.getByLabel('Note').fill('Code was on my phone');
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('heading', { name: 'Done. Thank you.' }).waitFor();
  } finally {
    await person.close();
  }
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
  expect(task).toMatchObject({ status: 'completed', resultText: 'Finished', metadata: { jobId: 'j9' } });
  expect(await sandbox.fs.read('/workspace/result.md')).toBe('Inside');
  expect((await sandbox.getPreview()).title).toBe('Inside');
  // It read the page that the person left, and opened none.
  const { sessionId } = task;
  const said = await sandbox.getMessages(sessionId === null ? {} : { sessionId });
  expect(JSON.stringify(said.filter(({ role }) => role === 'assistant'))).toContain('Welcome');
  expect(rig.visits.findLast((path) => path !== '/favicon.ico')).toBe('/inside?code=1234');
  expect((await sandbox.waitForTask(queued.taskId)).resultText).toBe('later');
  expect(rig.followUps('Code was on my phone')).toHaveLength(1);

  const { data } = await rig.webhook('sandbox.handoff.completed', requestId);
  expect(data).toMatchObject({ requestId, note: 'Code was on my phone', taskId });
  await rig.webhook('sandbox.handoff.accepted', requestId);
  await rig.webhook('sandbox.agent.task.completed', taskId);
  const told = await fetch(`${rig.installation.url}/v1/sandboxes/events?id=${sandbox.id}&limit=1000`, {
    headers: { authorization: `Bearer ${await rig.installation.apiKey()}` },
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
    await expect(sandbox.navigatePreview(rig.origin)).rejects.toEqual(refusal('CONTROL_HELD_BY_HUMAN'));
    const waiting = sandbox.waitForHandoff();
    await sandbox.cancelHumanHandoff({ note: 'not needed' });
    expect(await waiting).toMatchObject({ status: 'cancelled', note: 'not needed' });
    await sandbox.navigatePreview(rig.origin);
  });
});

describe('over crashes', () => {
  test('pending and accepted requests outlive a killed server; the follow-up runs once', async () => {
    const { taskId, requestId } = await ask(sandbox, 'SCENARIO:text reply=resumed-one');
    await rig.installation.stopServer('SIGKILL');
    await rig.installation.startServer();
    await expect(sandbox.navigatePreview(rig.origin)).rejects.toEqual(refusal('CONTROL_HELD_BY_HUMAN'));
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    await rig.installation.stopServer('SIGKILL');
    await rig.installation.startServer();
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({
      status: 'accepted',
      controller: 'ada',
    });
    const { handoff } = await sandbox.completeHumanHandoff({ controller: 'ada' });
    await rig.installation.stopServer('SIGKILL');
    await rig.installation.startServer();
    const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
    expect(task.resultText).toBe('resumed-one');
    expect(handoff.requestId).toBe(requestId);
    // By the agent's own messages: a model call that a kill cut off is made again.
    expect(await timesPrompted(task.sessionId, 'has given control back')).toBe(1);
  });

  test('a deadline that passes while the server is down is told to the agent', async () => {
    const { taskId } = await sandbox.promptAsync('SCENARIO:handoff expires=4000 message=expiring-one');
    await untilWaiting(sandbox, taskId);
    await rig.installation.stopServer('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    await rig.installation.startServer();
    const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
    expect(task.status).toBe('completed');
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ status: 'expired' });
    expect(await timesPrompted(task.sessionId, 'Nobody came in time')).toBe(1);
    await sandbox.navigatePreview(rig.origin);
  });

  test('a task that waits can be cancelled, and takes its request along', async () => {
    const { taskId, requestId } = await ask(sandbox, 'Go on.');
    expect(await sandbox.agent.cancelTask(taskId)).toMatchObject({ status: 'cancelled' });
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ requestId, status: 'cancelled' });
    await sandbox.navigatePreview(rig.origin);
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
    const [first, ...more] = rig.followUps(marker);
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

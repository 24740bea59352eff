import type { Sandbox } from '@banata-boxes/sdk';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, HandoffRig, launchChromium, untilWaiting } from './support/handoff-rig.ts';
import { until } from './support/until.ts';

const ALL = process.env['BANATA_TEST_ALL'] === '1';

let rig: HandoffRig;
let sandbox: Sandbox;
let person: Browser;

beforeAll(async () => {
  rig = await HandoffRig.start();
  [sandbox, person] = await Promise.all([rig.launch(), launchChromium()]);
});

afterAll(async () => {
  await person?.close();
  await rig?.remove();
});

// What one test leaves open is not to fail the next.
afterEach(async () => {
  const { handoff } = await sandbox.getHumanHandoff();
  if (handoff?.status === 'pending' || handoff?.status === 'accepted') await sandbox.cancelHumanHandoff();
});

const refusal = (code: string): unknown => expect.objectContaining({ code });

/** Waits until the newest request is as wanted. */
const untilHandoff = (wanted: { status: string; message?: string }, of = sandbox) =>
  until(`a request that is ${JSON.stringify(wanted)}`, async () => {
    const { handoff } = await of.getHumanHandoff();
    const fits = handoff?.status === wanted.status && (wanted.message ?? handoff.message) === handoff.message;
    return fits ? handoff : undefined;
  });

async function openDashboard(id: string, viewport = { width: 1280, height: 900 }): Promise<Page> {
  const page = await person.newPage({ viewport });
  const key = await rig.installation.apiKey();
  await page.addInitScript((value) => sessionStorage.setItem('banata.apiKey', value), key);
  await page.goto(`${rig.installation.url}/#/sandboxes/${id}`);
  return page;
}

describe('in the dashboard', () => {
  test('somebody asks, takes over and is done; the agent goes on with what was written for it', async () => {
    const page = await openDashboard(sandbox.id);
    await page.getByRole('button', { name: 'Ask a person' }).click();
    await page.getByLabel('What they are to do').fill('Look at the page');
    await page.getByLabel('Why').selectOption('approval');
    await page.getByLabel(/What the agent does afterwards/).fill('SCENARIO:text reply=after-dashboard');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await page.getByText('Automation has stopped and waits for a person').waitFor();
    const asked = await untilHandoff({ status: 'pending', message: 'Look at the page' });
    expect(asked).toMatchObject({ requestedBy: 'dashboard', reason: 'approval' });
    const { data } = await rig.banata.listOpenHandoffs();
    expect(data).toMatchObject([{ sandboxId: sandbox.id, requestId: asked.requestId, status: 'pending' }]);
    await page.getByRole('link', { name: '← Sandboxes' }).click();
    await page.getByText('waits for a person').click();
    await page.getByRole('button', { name: 'Take over' }).click();
    await page.getByLabel('Note').fill('It looks right');
    const accepted = await untilHandoff({ status: 'accepted' });
    expect(accepted.controller).toBe('dashboard-user');
    await page.getByRole('button', { name: 'Done' }).click();
    const { followUpTaskId, note } = await untilHandoff({ status: 'completed' });
    expect(note).toBe('It looks right');
    expect(await sandbox.waitForTask(followUpTaskId ?? '')).toMatchObject({ resultText: 'after-dashboard' });
    await page.getByRole('button', { name: 'Ask a person' }).waitFor();
    await page.close();
  });

  test.runIf(ALL)('a sandbox without a browser is asked for and withdrawn from, on a phone', async () => {
    const plain = await rig.launch({ browser: null, agent: false });
    const page = await openDashboard(plain.id, { width: 390, height: 800 });
    await page.getByRole('button', { name: 'Ask a person' }).click();
    await page.getByLabel('What they are to do').fill('May it be sent?');
    await page.getByRole('button', { name: 'Ask', exact: true }).click();
    await untilHandoff({ status: 'pending' }, plain);
    await page.getByRole('button', { name: 'Withdraw' }).click();
    await untilHandoff({ status: 'cancelled' }, plain);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.close();
    await plain.kill();
  });
});

describe('control and the request are one', () => {
  test('on the ordinary viewer page "Take control" accepts, and "Done" completes', async () => {
    const { viewerUrl } = await sandbox.getPreview();
    await sandbox.requestHumanHandoff({ reason: 'captcha', message: 'Solve it' });
    const page = await person.newPage();
    await page.goto(viewerUrl ?? '');
    await page.getByText('Solve it').waitFor();
    await page.getByRole('button', { name: 'Take control' }).click();
    const { handoff, preview } = await until('it is accepted', async () => {
      const state = await sandbox.getHumanHandoff();
      return state.handoff?.status === 'accepted' ? state : undefined;
    });
    expect([handoff?.controller, preview?.controlMode]).toEqual(['Viewer', 'human']);
    await expect(sandbox.acceptHumanHandoff({ controller: 'ada' })).rejects.toEqual(refusal('HANDOFF_TAKEN'));
    await page.getByRole('button', { name: 'Done' }).click();
    await untilHandoff({ status: 'completed' });
    await sandbox.navigatePreview(rig.origin);
    await page.close();
  });

  test('the owner who takes the browser back ends the request: done where somebody had it, else withdrawn', async () => {
    await sandbox.requestHumanHandoff({ reason: 'approval', message: 'First' });
    const taken = await sandbox.browser.setControl({ mode: 'human', controller: 'ada' });
    expect(taken).toMatchObject({ controlMode: 'human', controller: 'ada' });
    expect(await untilHandoff({ status: 'accepted' })).toMatchObject({ controller: 'ada' });
    await sandbox.browser.setControl({ mode: 'ai' });
    await untilHandoff({ status: 'completed', message: 'First' });
    await sandbox.requestHumanHandoff({ reason: 'approval', message: 'Second' });
    await sandbox.browser.setControl({ mode: 'ai' });
    await untilHandoff({ status: 'cancelled', message: 'Second' });
    await sandbox.navigatePreview(rig.origin);
  });
});

test('control is kept for who is active on the page of the request', async () => {
  const { viewerUrl } = await sandbox.requestHumanHandoff({ reason: 'mfa', message: 'Stay with it' });
  const page = await person.newPage();
  await page.clock.install();
  await page.goto(viewerUrl ?? '');
  await page.getByRole('button', { name: 'Take control' }).click();
  const { leaseUntil } = await untilHandoff({ status: 'accepted' });
  await page.getByText('You have control.').waitFor();
  await page.getByLabel('Note').fill('still here');
  await page.clock.fastForward(31_000);
  await until('the lease is renewed', async () => {
    const { handoff } = await sandbox.getHumanHandoff();
    return (handoff?.leaseUntil ?? 0) > (leaseUntil ?? Infinity) ? true : undefined;
  });
  await page.getByRole('button', { name: 'I can’t' }).click();
  expect(await untilHandoff({ status: 'cancelled' })).toMatchObject({ note: 'still here' });
  await page.close();
});

describe('several tasks at once', () => {
  test('each that asks has its own request, one after the other, and goes on once', async () => {
    const first = await ask(sandbox, 'SCENARIO:text reply=one-went-on', 'message=One');
    const busy = await sandbox.promptAsync('SCENARIO:text reply=unasked');
    const second = await sandbox.promptAsync(
      'SCENARIO:handoff message=Two resume="SCENARIO:text reply=two-went-on"',
      { duringHandoff: true },
    );
    await untilWaiting(sandbox, second.taskId);
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ requestId: first.requestId });
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    await sandbox.completeHumanHandoff();
    expect(await sandbox.waitForTask(first.taskId)).toMatchObject({ resultText: 'one-went-on' });
    const next = await untilHandoff({ status: 'pending', message: 'Two' });
    expect(next).toMatchObject({ taskId: second.taskId, requestedBy: 'agent' });
    expect((await sandbox.getAgentTask(busy.taskId))?.status).toBe('queued');
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    await sandbox.completeHumanHandoff();
    expect(await sandbox.waitForTask(second.taskId)).toMatchObject({ resultText: 'two-went-on' });
    expect(await sandbox.waitForTask(busy.taskId)).toMatchObject({ resultText: 'unasked' });
    for (const marker of ['one-went-on', 'two-went-on']) expect(rig.followUps(marker)).toHaveLength(1);
  });

  test.runIf(ALL)('one that waits its turn can be cancelled, and is asked for no more', async () => {
    const first = await ask(sandbox, 'SCENARIO:text reply=first-alone', 'message=Three');
    const second = await sandbox.promptAsync('SCENARIO:handoff message=Four', { duringHandoff: true });
    await untilWaiting(sandbox, second.taskId);
    expect(await sandbox.agent.cancelTask(second.taskId)).toMatchObject({ status: 'cancelled' });
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    await sandbox.completeHumanHandoff();
    expect(await sandbox.waitForTask(first.taskId)).toMatchObject({ resultText: 'first-alone' });
    const { data } = await sandbox.handoff.history({ limit: 2 });
    expect(data.map(({ message, status }) => [message, status])).toEqual([
      ['Four', 'cancelled'],
      ['Three', 'completed'],
    ]);
    // Nothing is held for it any more.
    const after = await sandbox.promptAsync('SCENARIO:text reply=free');
    expect(await sandbox.waitForTask(after.taskId)).toMatchObject({ resultText: 'free' });
  });

  test('of two that run it is the one whose command it was that waits', async () => {
    const wait = 'SCENARIO:bash command="until [ -e /tmp/go ]; do sleep 0.1; done" reply=elsewhere';
    const other = await sandbox.promptAsync(wait);
    const asks = await sandbox.promptAsync(
      'SCENARIO:handoff message=Mine resume="SCENARIO:text reply=mine-went-on"',
    );
    await untilWaiting(sandbox, asks.taskId);
    expect((await sandbox.getHumanHandoff()).handoff).toMatchObject({ taskId: asks.taskId });
    await sandbox.exec('touch', ['/tmp/go']);
    // It needs no browser, and so no person.
    expect(await sandbox.waitForTask(other.taskId)).toMatchObject({ resultText: 'elsewhere' });
    expect((await sandbox.getAgentTask(asks.taskId))?.status).toBe('waiting_for_human');
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    await sandbox.completeHumanHandoff();
    expect(await sandbox.waitForTask(asks.taskId)).toMatchObject({ resultText: 'mine-went-on' });
  });

  test('a task that a request keeps from the browser goes on after it', async () => {
    const calls = JSON.stringify([
      ['bash', { command: 'until [ -e /tmp/asked ]; do sleep 0.1; done', description: 'Waits' }],
      ['playwright_browser_snapshot', {}],
    ]);
    const { taskId } = await sandbox.promptAsync(
      `SCENARIO:tools reply="The browser is taken" calls="${calls.replaceAll('"', String.raw`\"`)}"`,
    );
    await until('it runs', async () =>
      (await sandbox.getAgentTask(taskId))?.status === 'running' ? true : undefined,
    );
    await sandbox.requestHumanHandoff({ reason: 'approval', message: 'Have a look' });
    await sandbox.exec('touch', ['/tmp/asked']);
    await untilWaiting(sandbox, taskId);
    await sandbox.acceptHumanHandoff({ controller: 'ada' });
    await sandbox.completeHumanHandoff({ note: 'SCENARIO:text reply=held-back-went-on' });
    expect(await sandbox.waitForTask(taskId)).toMatchObject({ resultText: 'held-back-went-on' });
    expect(rig.followUps('held-back-went-on')).toHaveLength(1);
  });
});

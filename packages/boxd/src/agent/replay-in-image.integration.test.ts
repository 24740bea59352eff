import type { AgentMessage, BoxAgentState, BoxReplay, BoxTask, BrowserStep } from '@banata/protocol/box';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { copyDaemon } from '../testing/daemon-copy.ts';
import { type ImageBox, startImageBox } from '../testing/image-box.ts';
import { type ScriptedModel, startScriptedModel } from '../testing/scripted-model.ts';
import {
  scenarioPrompt,
  type ScriptedShop,
  shoppingCalls,
  startScriptedShop,
} from '../testing/scripted-shop.ts';
import { isFinal } from './tasks/task-record.ts';
import { imageLayers } from './testing/host-agent.ts';

const PASSWORD = 'correct horse battery';

let boxDirectory: string;
let model: ScriptedModel;
let shop: ScriptedShop;
let box: ImageBox;
let steps: BrowserStep[];

beforeAll(async () => {
  boxDirectory = await copyDaemon();
  model = await startScriptedModel({ apiKey: 'gateway-token' });
  shop = await startScriptedShop();
  box = await startImageBox({ layers: imageLayers(), boxDirectory, pids: 1024 });
  const access = { baseUrl: model.baseUrl, apiKey: 'gateway-token', model: 'acme/main-1' };
  const reply = await box.send('PUT', '/config', {
    sandboxId: 'a'.repeat(32),
    runtime: 'base',
    env: { SHOP_TOKEN: 'tok-91823' },
    browser: { viewport: { width: 1280, height: 800 }, persistentProfile: false },
    agent: {
      defaultAgent: 'build',
      model: { provider: 'openrouter', ...access, smallModel: 'acme/small-1' },
    },
  });
  expect(reply.status).toBe(200);
});

afterAll(async () => {
  await box?.close();
  await model?.close();
  shop?.close();
  await rm(boxDirectory, { recursive: true, force: true });
});

const TASK = { sessionId: null, agent: null, system: null, timeoutMs: 90_000 };

async function runTask(taskId: string, request: object): Promise<BoxTask> {
  expect((await box.send('PUT', `/agent/tasks/${taskId}`, { ...TASK, ...request })).status).toBe(200);
  return end(taskId);
}

/** Process of the daemon, on the host. */
async function daemonPid(): Promise<number> {
  for (const pid of await box.processes()) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes('boxd.cjs')) return pid;
  }
  throw new Error('no daemon in the box');
}

async function end(taskId: string): Promise<BoxTask> {
  const deadline = Date.now() + 100_000;
  for (;;) {
    // A daemon that is being restarted does not answer for a moment.
    const task = await box
      .fetch(`/agent/tasks/${taskId}`)
      .then((reply) => reply.json() as Promise<BoxTask>)
      .catch(() => null);
    if (task !== null && 'status' in task && isFinal(task)) return task;
    if (Date.now() > deadline) throw new Error(`no end: ${JSON.stringify(task)}\n${await box.log()}`);
    await sleep(50);
  }
}

function replayOf(recipe = ''): BoxReplay {
  const filled = steps.map((step) => ({
    ...step,
    value:
      step.value?.replace('{{password}}', PASSWORD).replace('ada@example.org', 'eve@example.org') ?? null,
  }));
  return { name: 'order', recipe, secrets: { password: PASSWORD }, steps: filled, recordedTokens: 1430 };
}

test('a task without a report of its own gets one, with all that is needed to do it again', async () => {
  const calls = shoppingCalls(`http://127.0.0.1:${shop.port}`, PASSWORD);
  const task = await runTask('record', { prompt: scenarioPrompt('tools', 'calls', calls) });
  expect(task).toMatchObject({ status: 'completed' });
  expect(shop.orders).toHaveLength(1);
  const { lastTaskReport } = (await (await box.fetch('/agent/state')).json()) as BoxAgentState;
  steps = lastTaskReport?.steps ?? [];
  expect(lastTaskReport).toMatchObject({ derived: true, stepsCompleted: 10, result: 'Tools used.' });
  expect(
    steps.map(({ action, element }) => [action, element?.role, element?.name, element?.selector]),
  ).toEqual([
    ['navigate', undefined, undefined, undefined],
    ['fill', 'textbox', 'Full name', '#who'],
    ['fill', 'textbox', 'Email', '#email'],
    ['fill', 'textbox', 'Password', 'input[name="password"]'],
    ['select', 'combobox', 'Country', 'select[name="country"]'],
    ['click', 'checkbox', 'I accept the terms', 'input[name="terms"]'],
    ['click', 'button', 'Continue', 'body > form > button'],
    ['fill', 'textbox', 'Remark', 'textarea[name="remark"]'],
    ['click', 'button', 'Place order', '#place'],
    ['wait', undefined, undefined, undefined],
  ]);
  expect(JSON.stringify(lastTaskReport)).not.toMatch(/correct.{1,9}horse/);
  expect(steps[3]?.value).toBe('{{password}}');
  expect(lastTaskReport?.report).toContain('No such button');
  expect(lastTaskReport?.report).toContain('what follows got round it');
}, 120_000);

test('its steps are done again without a model', async () => {
  const asked = model.requests.length;
  const task = await runTask('again', { prompt: 'Run order', replay: replayOf() });
  expect(task).toMatchObject({ status: 'completed', error: null, usage: { modelCalls: 0 } });
  expect(model.requests).toHaveLength(asked);
  expect(shop.orders.at(-1)).toEqual({
    who: 'Ada Lovelace',
    email: 'eve@example.org',
    password: PASSWORD,
    country: 'no',
    terms: 'yes',
    remark: 'For Ada Lovelace',
  });
  expect(task.replay).toMatchObject({ modelSteps: 0, tokensSaved: 1430, page: { title: 'Thank you' } });
}, 120_000);

test('the browser tools work: forms, keys, tabs, waiting, pictures, upload, and no scripts of its own in the browser', async () => {
  const calls = [
    ['bash', { command: 'echo bolt >/workspace/drawing.txt', description: 'x' }],
    ['playwright_browser_navigate', { url: `http://127.0.0.1:${shop.port}/files` }],
    ['playwright_browser_click', { target: "getByRole('button', { name: 'Drawing' })" }],
    ['playwright_browser_file_upload', { paths: ['/workspace/drawing.txt'] }],
    ['playwright_browser_wait_for', { time: 0.3 }],
    [
      'playwright_browser_fill_form',
      {
        fields: [
          { target: "getByRole('textbox', { name: 'Note' })", name: 'Note', type: 'textbox', value: 'blue' },
          {
            target: "getByRole('checkbox', { name: 'Gift' })",
            name: 'Gift',
            type: 'checkbox',
            value: 'true',
          },
        ],
      },
    ],
    ['playwright_browser_press_key', { key: 'Tab' }],
    ['playwright_browser_hover', { target: "getByRole('link', { name: 'Prices' })" }],
    ['playwright_browser_click', { target: "getByRole('link', { name: 'Prices' })" }],
    ['playwright_browser_take_screenshot', {}],
    ['playwright_browser_tabs', { action: 'list' }],
    ['playwright_browser_snapshot', {}],
    ['playwright_browser_tabs', { action: 'new', url: `http://127.0.0.1:${shop.port}/form` }],
    ['playwright_browser_tabs', { action: 'close' }],
    ['playwright_browser_run_code_unsafe', { code: 'async (page) => 1' }],
  ];
  const task = await runTask('tools', { prompt: scenarioPrompt('tools', 'calls', calls) });
  expect(task).toMatchObject({ status: 'completed' });
  const { messages } = (await (await box.fetch('/agent/messages?limit=100')).json()) as {
    messages: AgentMessage[];
  };
  const uses = messages.flatMap(({ parts }) => parts.flatMap((part) => (part.type === 'tool' ? part : [])));
  const failed = uses.filter(
    ({ status, output }) => status !== 'completed' || output?.startsWith('### Error'),
  );
  expect(failed.map(({ tool, output }) => `${tool}: ${output}`)).toEqual([]);
  // What the agent may not use is no tool of its at all.
  const denied = uses.find(({ tool }) => tool === 'invalid');
  expect(denied?.output).toContain('playwright_browser_run_code_unsafe');
  expect(JSON.stringify(uses)).toContain('drawing.txt: bolt');
}, 120_000);

test('a run that the daemon’s death cuts short fails once, and says how far it came', async () => {
  shop.change();
  const orders = shop.orders.length;
  const asked = model.requests.length;
  const body = { ...TASK, prompt: 'Run', replay: replayOf('SCENARIO:hang') };
  expect((await box.send('PUT', '/agent/tasks/cut', body)).status).toBe(200);
  await vi.waitFor(() => expect(model.requests.length).toBeGreaterThan(asked), { timeout: 60_000 });
  const running = (await (await box.fetch('/agent/tasks/cut')).json()) as BoxTask;
  expect(running).toMatchObject({ status: 'running' });
  expect(running.replay?.steps.map(({ doneBy }) => doneBy)).toEqual(['replay', 'replay']);
  process.kill(await daemonPid(), 'SIGKILL');
  const cut = await end('cut');
  expect(cut).toMatchObject({
    status: 'failed',
    error: { code: 'AGENT_CRASHED' },
    finishedAt: expect.any(Number),
  });
  expect(cut.error?.message).toContain('2 of 10 were done');
  expect(cut.replay).toEqual(running.replay);
  // The same id again begins nothing.
  const again = await box.send('PUT', '/agent/tasks/cut', body);
  expect(again.body).toEqual(cut);
  expect(shop.orders).toHaveLength(orders);
}, 120_000);

test('a step that the model cannot do either fails the task and says which', async () => {
  const task = await runTask('cannot', {
    prompt: 'Run',
    replay: replayOf(scenarioPrompt('repair', 'fixes', [])),
  });
  expect(task).toMatchObject({ status: 'failed', error: { code: 'SKILL_STEP_FAILED' } });
  expect(task.error?.message).toContain('step 3');
  expect(task.replay?.steps.at(-1)).toMatchObject({ step: 3, doneBy: 'nobody' });
}, 120_000);

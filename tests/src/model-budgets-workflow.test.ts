import { BanataSandbox, type AgentTask, type Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventWatch } from './support/event-watch.ts';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const KEY = 'sk-canary-organization-7be20c41';
/** The scripted model takes 100 tokens in and gives 10 out: $0.20 a request. */
const PRICES = { 'acme/main-1': { input: 1000, output: 10_000 } };
const COST_USD = 0.2;

let folder: string;
let installation: Installation;
let model: ScriptedModel;
let banata: BanataSandbox;
let sandbox: Sandbox;
let watch: EventWatch;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-budgets-'));
  const prices = join(folder, 'prices.json');
  await writeFile(prices, JSON.stringify(PRICES));
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
    BANATA_MODEL_PRICES_FILE: prices,
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  await banata.modelKeys.set('openai', { apiKey: KEY, baseUrl: model.baseUrl, model: 'acme/main-1' });
  // It brings no key: the organization's serves it.
  sandbox = await banata.launch({ capabilities: { agent: { enabled: true, models: ['acme/unpriced'] } } });
  watch = new EventWatch(sandbox);
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
  await rm(folder, { recursive: true, force: true });
});

async function end(taskId: string): Promise<AgentTask> {
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 100_000 });
  const seen = (): string[] => watch.ofTask(taskId).map(({ type }) => type);
  const isOver = task.error?.code === 'BUDGET_EXCEEDED' || task.error?.code === 'COST_UNKNOWN';
  const last = isOver ? 'sandbox.agent.budget.exceeded' : `sandbox.agent.task.${task.status}`;
  await until(last, () => Promise.resolve(seen().includes(last) || undefined));
  expect(seen().filter((type) => type === 'sandbox.agent.budget.exceeded')).toHaveLength(isOver ? 1 : 0);
  expect(watch.finals(taskId)).toHaveLength(1);
  return task;
}

function asked(prompt: string): number {
  return model.requests.filter((request) => request.prompt.includes(prompt)).length;
}

test('the organization’s key serves its sandboxes, and is in none of them', async () => {
  const { taskId } = await sandbox.promptAsync('SCENARIO:bash command="env"');
  const task = await end(taskId);
  expect(task).toMatchObject({ status: 'completed', usage: { modelCalls: 2 } });
  expect(task.usage.costUsd).toBeCloseTo(2 * COST_USD);
  expect(task.usage.byModel['acme/main-1']?.costUsd).toBeCloseTo(2 * COST_USD);
  expect(model.requests.at(-1)?.authorization).toBe(`Bearer ${KEY}`);
  const { stdout } = await sandbox.exec(`grep -rl ${KEY} /proc/[0-9]*/environ /workspace /home/user; env`);
  expect(stdout).not.toMatch(/^\//m);
  expect(stdout).not.toContain(KEY);
  const [shown] = await banata.modelKeys.list();
  expect(shown).toMatchObject({ provider: 'openai', apiKey: `…${KEY.slice(-4)}` });
  const { total } = await banata.getUsage();
  expect(total.modelCostUsd).toBeCloseTo(2 * COST_USD);
});

test('a task that costs more than its budget is ended', async () => {
  const { taskId } = await sandbox.promptAsync('SCENARIO:loop command="echo dear"', {
    budget: { costUsd: 2.5 * COST_USD },
  });
  const task = await end(taskId);
  expect(task).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } });
  // What is under way when the budget is reached still counts, and the next call may come before the last is booked.
  expect(task.usage.costUsd).toBeGreaterThan(2.9 * COST_USD);
  expect(task.usage.costUsd).toBeLessThan(7.1 * COST_USD);
  expect(asked('echo dear')).toBeLessThanOrEqual(7);
});

test('a model without a price ends a task with a budget in dollars', async () => {
  const { taskId } = await sandbox.promptAsync('SCENARIO:loop command="echo unpriced"', {
    model: 'acme/unpriced',
    budget: { costUsd: 1 },
  });
  expect(await end(taskId)).toMatchObject({ status: 'failed', error: { code: 'COST_UNKNOWN' } });
  expect(asked('echo unpriced')).toBe(1);
});

// What the agent starts has its token, and does not have to go through it.
const HOSTILE = String.raw`
const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = process.env;
const body = JSON.stringify({ model: 'acme/main-1', stream: true, messages: [{ role: 'user', content: 'stolen' }] });
const one = (session) => fetch(base + '/chat/completions', {
  method: 'POST', body, headers: { authorization: 'Bearer ' + key, 'content-type': 'application/json', 'x-session-id': session },
}).then(async (reply) => { await reply.body.cancel(); return reply.status; }, () => 0);
for (;;) await Promise.all([one('ses_forged'), one('ses_other'), one('ses_third')]);
`;

test('a program in the sandbox cannot go past the budget of the task it came with', async () => {
  await sandbox.fs.write('/workspace/hostile.mjs', HOSTILE);
  const { taskId } = await sandbox.promptAsync('SCENARIO:bash command="node hostile.mjs"', {
    budget: { requests: 12 },
  });
  const task = await end(taskId);
  expect(task).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } });
  expect(task.error?.message).toContain('12 model requests');
  expect(asked('stolen') + asked('hostile.mjs')).toBeLessThanOrEqual(12);
  // What it left running, too, finds the budget used up.
  await sandbox.exec('setsid node /workspace/hostile.mjs >/dev/null 2>&1 & sleep 2; kill $!');
  expect(asked('stolen') + asked('hostile.mjs')).toBeLessThanOrEqual(12);
});

test('what a program does not wait to hear is counted by its length', async () => {
  const { taskId } = await sandbox.promptAsync('SCENARIO:bash command="node hostile.mjs"', {
    budget: { tokens: 1000 },
  });
  expect(await end(taskId)).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } });
});

test('the day of the organization is bounded in dollars', async () => {
  await watch.stop();
  await installation.stopServer();
  await installation.startServer({ BANATA_MODEL_DAILY_COST_USD: '0.5' });
  const { status, error } = await sandbox.prompt('SCENARIO:text');
  expect({ status, code: error?.code }).toEqual({ status: 'failed', code: 'BUDGET_EXCEEDED' });
  expect(error?.message).toContain('BANATA_MODEL_DAILY_COST_USD');
});

test('without the key there is no model any more', async () => {
  await banata.modelKeys.delete('openai');
  await expect(sandbox.prompt('SCENARIO:text')).rejects.toMatchObject({ code: 'MODEL_NOT_CONFIGURED' });
});

import { BanataSandbox, type AgentTask, type Sandbox, type Skill } from '@banata-boxes/sdk';
import {
  scenarioPrompt,
  shoppingCalls,
  SHOPPING_FIXES,
  startScriptedModel,
  startScriptedShop,
  type ScriptedModel,
  type ScriptedShop,
} from '@banata/boxd/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const KEY = 'sk-canary-5f2c9d';
const PASSWORD = 'correct horse battery';

let installation: Installation;
let model: ScriptedModel;
let shop: ScriptedShop;
let banata: BanataSandbox;
let sandbox: Sandbox;
let skill: Skill;
const table = ['what; steps; by the model; model calls; tokens; tokens saved; ms'];

beforeAll(async () => {
  const shopPort = await freePort();
  shop = await startScriptedShop(shopPort);
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
    BANATA_HOST_PORTS: String(shopPort),
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  const models = { OPENAI_MODEL: 'acme/main-1', OPENAI_SMALL_MODEL: 'acme/small-1' };
  sandbox = await banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, ...models },
    capabilities: { browser: {}, agent: { enabled: true }, storage: { artifactPrefix: 'shop' } },
  });
});

afterAll(async () => {
  process.stdout.write(`${table.join('\n')}\n`);
  await sandbox?.kill();
  await installation?.remove();
  await model?.close();
  shop?.close();
});

function row(what: string, task: AgentTask): void {
  const { inputTokens, outputTokens, modelCalls } = task.usage;
  const byModel = task.replay?.steps.flatMap(({ step, doneBy }) => (doneBy === 'model' ? step : []));
  const cells = [
    what,
    task.replay?.steps.length ?? task.report?.steps?.length,
    byModel?.join(' ') || '-',
    modelCalls,
    inputTokens + outputTokens,
    task.replay?.tokensSaved ?? '-',
    (task.finishedAt ?? 0) - (task.startedAt ?? 0),
  ];
  table.push(cells.join('; '));
}

async function run(inputs: Record<string, string>): Promise<AgentTask> {
  const { taskId } = await banata.skills.run(sandbox.id, skill.id, { inputs });
  return sandbox.waitForTask(taskId, { timeoutMs: 90_000 });
}

test('a task ends with a derived report, which becomes a skill', async () => {
  const calls = shoppingCalls(`http://host.banata.internal:${shop.port}`, PASSWORD);
  const { taskId } = await sandbox.promptAsync(scenarioPrompt('tools', 'calls', calls));
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 90_000 });
  expect(task).toMatchObject({ status: 'completed', report: { derived: true, stepsCompleted: 10 } });
  row('recorded by the model', task);
  const { lastTaskReport } = await sandbox.agent.getRuntime();
  expect(lastTaskReport).toEqual(task.report);
  const { data } = await sandbox.artifacts.list();
  expect(data.map(({ key }) => key)).toContain(`shop/task-reports/${taskId}.json`);

  const recipe = scenarioPrompt('repair', 'fixes', SHOPPING_FIXES);
  skill = await banata.skills.create({
    name: 'order',
    sandboxId: sandbox.id,
    taskId,
    recipe,
    inputs: { email: 'ada@example.org', customer: 'Ada Lovelace' },
  });
  expect(skill.inputs).toEqual([
    { name: 'email', secret: false, default: 'ada@example.org' },
    { name: 'customer', secret: false, default: 'Ada Lovelace' },
    { name: 'password', secret: true, default: null },
  ]);
  expect(JSON.stringify([skill, task.report])).not.toMatch(/correct.{1,9}horse/);
  expect(skill.site).toBe(`http://host.banata.internal:${shop.port}`);
});

test('runs with new inputs and no model on the same page', async () => {
  await expect(run({})).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: expect.stringContaining('password') as string,
  });
  await expect(run({ password: 'x', colour: 'red' })).rejects.toThrow('colour');
  const task = await run({ email: 'bob@example.org', customer: 'Bob', password: 'hunter2 & co' });
  row('run on the same page', task);
  expect(task).toMatchObject({ status: 'completed', skillId: skill.id, replay: { modelSteps: 0 } });
  expect(task.usage.modelCalls).toBe(0);
  expect(shop.orders.at(-1)).toEqual({
    who: 'Bob',
    email: 'bob@example.org',
    password: 'hunter2 & co',
    country: 'no',
    terms: 'yes',
    remark: 'For Bob',
  });
  expect(JSON.stringify(task)).not.toContain('hunter2');
});

test('asks the small model at the two places where the page was changed', async () => {
  shop.change();
  const asked = model.requests.length;
  const task = await run({ email: 'eve@example.org', customer: 'Eve', password: 'hunter2 & co' });
  row('run on a page changed at 2 places', task);
  expect(task).toMatchObject({ status: 'completed', replay: { modelSteps: 2 } });
  const byModel = task.replay?.steps.filter(({ doneBy }) => doneBy === 'model') ?? [];
  expect(byModel.map(({ description }) => description)).toEqual([
    expect.stringContaining('eve@example.org'),
    expect.stringContaining('Place order'),
  ]);
  const models = model.requests.slice(asked).filter(({ prompt }) => prompt.includes('take over'));
  expect(new Set(models.map((request) => request.model))).toEqual(new Set(['acme/small-1']));
  expect(shop.orders.at(-1)).toMatchObject({ who: 'Eve', 'contact-box': 'eve@example.org' });
});

// A server takes its time to come up again.
test.runIf(process.env['BANATA_TEST_ALL'] === '1')(
  'a run goes on while the server is killed, and ends once',
  { timeout: 300_000 },
  async () => {
    const orders = shop.orders.length;
    const { taskId } = await banata.skills.run(sandbox.id, skill.id, {
      inputs: { email: 'joe@example.org', customer: 'Joe', password: 'hunter2 & co' },
    });
    // The page is reached through the server: it is killed while no page is being opened.
    const asked = (): number => model.requests.filter(({ prompt }) => prompt.includes('joe@')).length;
    await until('the model is asked', () => Promise.resolve(asked() > 0 || undefined));
    await installation.stopServer('SIGKILL');
    await installation.startServer();
    const task = await sandbox.waitForTask(taskId, { timeoutMs: 200_000 });
    row('run while the server is killed', task);
    expect(task).toMatchObject({ status: 'completed', error: null });
    expect(shop.orders.slice(orders)).toEqual([expect.objectContaining({ who: 'Joe' })]);
    const { data } = await banata.events.list({
      sandboxId: sandbox.id,
      types: ['sandbox.agent.task.completed'],
    });
    expect(data.filter((event) => (event.data as { taskId?: string }).taskId === taskId)).toHaveLength(1);
  },
);

test('an organization that used up its day is told so, and its tasks fail', async () => {
  await installation.stopServer();
  await installation.startServer({ BANATA_MODEL_DAILY_REQUESTS: '5' });
  const { status, error } = await sandbox.prompt('SCENARIO:text');
  expect(status).toBe('failed');
  expect(error).toMatchObject({
    code: 'BUDGET_EXCEEDED',
    message: expect.stringContaining('BANATA_MODEL_DAILY_REQUESTS') as string,
  });
});

test('skills have one name each, and go away', async () => {
  await expect(banata.skills.create({ name: 'order', recipe: 'x' })).rejects.toMatchObject({
    code: 'SKILL_EXISTS',
  });
  expect((await banata.skills.list()).data.map(({ name }) => name)).toEqual(['order']);
  await banata.skills.delete(skill.id);
  await expect(banata.skills.get(skill.id)).rejects.toMatchObject({ code: 'SKILL_NOT_FOUND' });
});

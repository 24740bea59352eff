import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { leaveMarks, lookForUse, type RunAsRoot } from '@banata/boxd/virgin-check';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

/** `./banata test --all` takes the time for the whole burst, and for what starts an agent more than once. */
const ALL = process.env['BANATA_TEST_ALL'] === '1';
const BURST = ALL ? 30 : 6;
const KEY = 'sk-warm-boxes';
const STOCK = { none: 2, browser: 1, agent: 1 };

let installation: Installation;
let banata: BanataSandbox;
let model: ScriptedModel;

beforeAll(async () => {
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({
    BANATA_WARM: String(STOCK.none),
    BANATA_WARM_BROWSER: String(STOCK.browser),
    BANATA_WARM_AGENT: String(STOCK.agent),
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}`,
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
});

interface BoxRecord {
  id: string | null;
  state: string;
  services: keyof typeof STOCK;
  address: string;
  process: { pid: number } | null;
}

async function records(): Promise<BoxRecord[]> {
  const folder = join(installation.home, 'oci/boxes');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const texts = await Promise.all(
    files.map((name) => readFile(join(folder, name), 'utf8').catch(() => '{}')),
  );
  return texts.map((text) => JSON.parse(text) as BoxRecord);
}

/** Resolves to the addresses of the warm boxes by kind, once there are as many as wanted and have had time to come up. */
async function stocked(): Promise<Record<string, string[]>> {
  const found = await until('the store of warm boxes is full', async () => {
    const warm = (await records()).filter(({ state }) => state === 'warm');
    const byKind = Object.groupBy(warm, ({ services }) => services);
    const isFull = Object.entries(STOCK).every(
      ([kind, count]) => byKind[kind as keyof typeof STOCK]?.length === count,
    );
    return isFull ? byKind : undefined;
  });
  return Object.fromEntries(
    Object.entries(found).map(([kind, boxes]) => [kind, boxes.map(({ address }) => address)]),
  );
}

function asRoot(sandbox: Sandbox): RunAsRoot {
  return async (command) => (await sandbox.exec(command, undefined, { user: 'root' })).stdout;
}

async function eventTypes(sandbox: Sandbox): Promise<string[]> {
  const reply = await fetch(`${installation.url}/v1/sandboxes/events?id=${sandbox.id}&limit=1000`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}` },
  });
  return ((await reply.json()) as { data: { type: string }[] }).data.map(({ type }) => type);
}

async function addressOf(sandbox: Sandbox): Promise<string> {
  return (await asRoot(sandbox)('hostname -I')).trim();
}

/** Ends the daemon of a box and whoever would start it again; the box goes on. @param pid its first process. */
async function silenceDaemon(pid: number): Promise<void> {
  // To the host all programs of a box in gVisor are one.
  if (installation.isolation === 'gvisor') return void process.kill(pid, 'SIGSTOP');
  const [keeper] = await childrenOf(pid);
  const [daemon] = keeper === undefined ? [] : await childrenOf(keeper);
  if (keeper === undefined || daemon === undefined) throw new Error(`process ${pid} is no box`);
  process.kill(keeper, 'SIGSTOP');
  process.kill(daemon, 'SIGKILL');
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

test(`bursts of ${BURST} beyond the store: every create works, and no sandbox was ever used before`, async () => {
  for (let round = 0; round < 2; round += 1) {
    await stocked();
    const began = performance.now();
    const sandboxes = await Promise.all(Array.from({ length: BURST }, () => banata.launch()));
    process.stderr.write(`burst of ${BURST}: ${Math.round(performance.now() - began)} ms\n`);
    const identities: string[] = [];
    for (const sandbox of sandboxes) {
      const run = asRoot(sandbox);
      const { traces, identity } = await lookForUse(run);
      expect(traces).toEqual([]);
      identities.push(...identity);
      await leaveMarks(run, sandbox.id);
      // The look sees what the next sandbox must not have.
      if (sandbox === sandboxes[0]) expect((await lookForUse(run)).traces.length).toBeGreaterThan(10);
    }
    expect(new Set(identities).size).toBe(identities.length);
    expect(identities.length).toBeGreaterThanOrEqual(BURST);
    await Promise.all(sandboxes.map((sandbox) => sandbox.kill()));
  }
}, 300_000);

test('warm boxes whose daemon answers no more are passed over and removed', async () => {
  await stocked();
  const broken = (await records()).filter(({ state, services }) => state === 'warm' && services === 'none');
  for (const { process: first } of broken) {
    if (!first) throw new Error('a warm box has a first process');
    await silenceDaemon(first.pid);
  }
  await using sandbox = await banata.launch();
  const addresses = broken.map(({ address }) => address);
  expect(addresses).toHaveLength(STOCK.none);
  expect(addresses).not.toContain(await addressOf(sandbox));
  expect((await lookForUse(asRoot(sandbox))).traces).toEqual([]);
  const left = (await records()).filter(({ address }) => addresses.includes(address));
  expect(left).toEqual([]);
});

test('a browser that runs already is handed out in the size asked for, and is ready once', async () => {
  const warm = await stocked();
  const began = performance.now();
  await using sandbox = await banata.launch({
    capabilities: { browser: { viewport: { width: 900, height: 700 } } },
  });
  const launchMs = performance.now() - began;
  expect(warm['browser']).toContain(await addressOf(sandbox));
  const preview = await sandbox.getPreview();
  expect(preview).toMatchObject({
    status: 'ready',
    url: 'about:blank',
    viewport: { width: 900, height: 700 },
  });
  const browser = await chromium.connectOverCDP(preview.cdpUrl ?? '');
  try {
    const page = browser.contexts()[0]?.pages()[0];
    await page?.goto('data:text/html,<title>loaded</title>');
    process.stderr.write(
      `launch with browser: ${Math.round(launchMs)} ms; until a page has loaded: ${Math.round(performance.now() - began)} ms\n`,
    );
    expect(await page?.evaluate(() => [window.outerWidth, window.outerHeight])).toEqual([900, 700]);
  } finally {
    await browser.close();
  }
  const types = await eventTypes(sandbox);
  expect(types.filter((type) => type === 'sandbox.browser.ready')).toHaveLength(1);
  expect(types.filter((type) => type.startsWith('sandbox.agent.'))).toEqual([]);
});

test('an agent that runs already gets the model, the variables and the rules of its sandbox', async () => {
  const warm = await stocked();
  const began = performance.now();
  await using sandbox = await banata.launch({
    env: {
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: model.baseUrl,
      OPENAI_MODEL: 'acme/main-1',
      GREETING: "it's me",
    },
    capabilities: { browser: {}, agent: { enabled: true } },
    network: { egress: 'none' },
  });
  process.stderr.write(`launch with browser and agent: ${Math.round(performance.now() - began)} ms\n`);
  expect(warm['agent']).toContain(await addressOf(sandbox));
  const { taskId } = await sandbox.promptAsync('SCENARIO:bash command="printenv GREETING > /workspace/out"');
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
  expect(task).toMatchObject({ status: 'completed', error: null });
  expect(await sandbox.fs.read('/workspace/out')).toBe("it's me\n");
  const browse = await sandbox.promptAsync('SCENARIO:browse url="data:text/html,<title>visited</title>"');
  expect(await sandbox.waitForTask(browse.taskId, { timeoutMs: 60_000 })).toMatchObject({
    status: 'completed',
  });
  expect((await sandbox.getPreview()).title).toBe('visited');
  const types = await eventTypes(sandbox);
  expect(types.filter((type) => type === 'sandbox.agent.ready')).toHaveLength(1);
  expect(types.filter((type) => type === 'sandbox.agent.failed')).toEqual([]);
});

test.runIf(ALL)('an agent whose sandbox brings a proxy starts anew with it', async () => {
  const warm = await stocked();
  await using sandbox = await banata.launch({
    env: {
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: model.baseUrl,
      OPENAI_MODEL: 'acme/main-1',
      HTTPS_PROXY: 'http://127.0.0.1:9',
    },
    capabilities: { browser: {}, agent: { enabled: true } },
  });
  expect(warm['agent']).toContain(await addressOf(sandbox));
  // As its own user: not even root of a container reads the environment of another's process.
  const { stdout } = await sandbox.exec(
    'for pid in $(pgrep -f "[o]pencode serve"); do tr "\\0" "\\n" < /proc/$pid/environ | grep ^HTTPS_PROXY; done',
  );
  expect(stdout).toBe('HTTPS_PROXY=http://127.0.0.1:9\n');
  const { taskId } = await sandbox.promptAsync(
    'SCENARIO:bash command="printenv HTTPS_PROXY > /workspace/out"',
  );
  expect(await sandbox.waitForTask(taskId, { timeoutMs: 60_000 })).toMatchObject({ status: 'completed' });
  expect(await sandbox.fs.read('/workspace/out')).toBe('http://127.0.0.1:9\n');
});

import { BanataSandbox, type AgentTask, type Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentConnection } from './support/agent-connection.ts';
import { startBreakingProxy, type BreakingProxy } from './support/breaking-proxy.ts';
import { EventWatch } from './support/event-watch.ts';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const KEY = 'sk-canary-faults-5d0b17';
const ALL = process.env['BANATA_TEST_ALL'] === '1';
const ROUNDS = 3;
/** The client's connection to the server breaks this often. */
const BREAK_MS = 700;
const END_MS = 60_000;

let installation: Installation;
let model: ScriptedModel;
let proxy: BreakingProxy;
/** Calls go straight; the stream of events breaks all the time. */
let banata: BanataSandbox;
let shaky: BanataSandbox;

interface Box {
  sandbox: Sandbox;
  watch: EventWatch;
}

interface Row {
  fault: string;
  state: string;
  error: string;
  finalsSeen: number;
  events: number;
  ms: number;
}
const rows: Row[] = [];

beforeAll(async () => {
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({ BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}` });
  proxy = await startBreakingProxy(Number(new URL(installation.url).port), BREAK_MS);
  const apiKey = await installation.apiKey();
  const retry = { maxRetries: 1000, baseDelayMs: 20, maxDelayMs: 100 };
  banata = new BanataSandbox({ apiKey, baseUrl: installation.url, retry });
  shaky = new BanataSandbox({ apiKey, baseUrl: proxy.url, retry });
});

afterAll(async () => {
  print();
  await proxy?.[Symbol.asyncDispose]();
  await installation?.remove();
  await model?.close();
});

function print(): void {
  const lines = rows.map(
    ({ fault, state, error, finalsSeen, events, ms }) =>
      `${fault.padEnd(40)} ${state.padEnd(10)} ${error.padEnd(14)} ${String(finalsSeen).padStart(6)} ${String(events).padStart(7)} ${String(Math.round(ms)).padStart(7)}`,
  );
  const head = `${'fault'.padEnd(40)} ${'state'.padEnd(10)} ${'error'.padEnd(14)} ${'finals'.padStart(6)} ${'events'.padStart(7)} ${'ms'.padStart(7)}`;
  process.stderr.write(
    `\n${head}\n${lines.join('\n')}\nconnections of the client broken: ${proxy?.broken()}\n`,
  );
}

/** A sandbox with an agent, and a client that follows it over connections that break. */
async function launch(): Promise<Box> {
  const sandbox = await banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: { agent: { enabled: true } },
  });
  return { sandbox, watch: new EventWatch(await shaky.connect(sandbox.id)) };
}

/** Runs a task into a fault and notes what became of it. */
async function faulty(
  { sandbox, watch }: Box,
  fault: string,
  prompt: string,
  options: { timeoutMs?: number; during?: (task: AgentTask) => Promise<void> } = {},
): Promise<AgentTask> {
  const began = performance.now();
  const { timeoutMs, during } = options;
  const { taskId } = await sandbox.agent.promptAsync(prompt, {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    metadata: { fault },
  });
  if (during) {
    const running = await until(`${fault}: running`, async () => {
      const task = await sandbox.agent.getTask(taskId);
      return task?.status === 'running' ? task : undefined;
    });
    await during(running);
  }
  const task = await sandbox.agent.waitForTask(taskId, { timeoutMs: END_MS });
  await until(`${fault}: its end seen`, async () => watch.finals(taskId)[0], END_MS);
  rows.push({
    fault,
    state: task.status,
    error: task.error?.code ?? '',
    finalsSeen: watch.finals(taskId).length,
    events: watch.ofTask(taskId).length,
    ms: performance.now() - began,
  });
  expect(watch.finals(taskId)).toEqual([task.status]);
  expect(task.metadata).toEqual({ fault });
  return task;
}

/** Nothing was lost, doubled or out of order, compared with what the server keeps. */
async function expectWhole({ sandbox, watch }: Box): Promise<void> {
  const kept: [number, string][] = [];
  for (let after = ''; ;) {
    const page = await banata.events.list({ sandboxId: sandbox.id, limit: 1000, ...(after && { after }) });
    kept.push(...page.data.map(({ seq, type }): [number, string] => [seq, type]));
    if (page.data.length === 0 || page.nextCursor === null) break;
    after = page.nextCursor;
  }
  // That list is in the order of the organization, in which transactions of one sandbox may have changed places.
  kept.sort(([a], [b]) => a - b);
  await until('all events', async () => (watch.events.length >= kept.length ? true : undefined));
  expect(watch.gaps()).toEqual([]);
  expect(watch.events.slice(0, kept.length).map(({ seq, type }) => [seq, type])).toEqual(kept);
}

/** The texts that the watch saw as a whole, and what their pieces join to. */
function textsSeen(watch: EventWatch, taskId: string): { whole: string[]; joined: string[] } {
  const events = watch.ofTask(taskId);
  const texts = events.flatMap((event) =>
    event.type === 'sandbox.agent.part' && event.data.part.type === 'text' ? [event.data.part] : [],
  );
  const pieces = events.flatMap((event) => (event.type === 'sandbox.agent.text.delta' ? [event.data] : []));
  const joined = texts.map(({ id }) =>
    pieces
      .filter(({ partId }) => partId === id)
      .map(({ text }) => text)
      .join(''),
  );
  return { whole: texts.map(({ text }) => text), joined };
}

function wordsOf(count: number): string {
  return Array.from({ length: count }, (_, index) => `word${index}`).join(' ');
}

async function commandRuns(sandbox: Sandbox, command: string): Promise<void> {
  await until(command, async () =>
    (await sandbox.exec(`pgrep -f '^${command}$'`)).exitCode === 0 ? true : undefined,
  );
}

test.concurrent('a model that fails in every way leaves one end per task', async () => {
  const box = await launch();
  const { sandbox, watch } = box;
  await using _ = sandbox;
  const words = wordsOf(20);
  const [long, cut, hanging, cancelled] = await Promise.all([
    faulty(box, 'none: a long answer', `SCENARIO:text delayMs=100 reply="${words}"`),
    faulty(box, 'model: answer cut in the middle', 'SCENARIO:cut times=1 reply="whole after the cut"'),
    faulty(box, 'model: hangs, the task has a limit', 'SCENARIO:hang text="so far"', { timeoutMs: 3_000 }),
    faulty(box, 'cancel during a tool call', 'SCENARIO:bash command="sleep 4801"', {
      during: async ({ taskId }) => {
        await commandRuns(sandbox, 'sleep 4801');
        await sandbox.agent.cancelTask(taskId);
      },
    }),
  ]);
  expect(long).toMatchObject({ status: 'completed', resultText: words });
  expect(textsSeen(watch, long.taskId)).toEqual({ whole: [words], joined: [words] });
  expect(cut).toMatchObject({ status: 'completed', resultText: 'whole after the cut' });
  expect(hanging).toMatchObject({ status: 'failed', error: { code: 'TASK_TIMEOUT' }, resultText: 'so far' });
  expect(cancelled).toMatchObject({ status: 'cancelled', error: null });
  expect((await sandbox.exec("pgrep -f '^sleep 4801$'")).exitCode).toBe(1);
  // OpenCode's own pauses between tries take 14 s.
  if (ALL) {
    const prompt = 'SCENARIO:error status=500 times=3 reply="well again"';
    const again = await faulty(box, 'model: 500 three times, then fine', prompt);
    expect(again).toMatchObject({ status: 'completed', resultText: 'well again' });
  }
  await expectWhole(box);
  await watch.stop();
});

test
  .runIf(ALL)
  .concurrent('an agent server that is killed ends its task once, and the next one works', async () => {
    const box = await launch();
    const { sandbox, watch } = box;
    await using _ = sandbox;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const killed = await faulty(box, 'agent server: kill -9', `SCENARIO:bash command="sleep 481${round}"`, {
        during: async () => {
          await commandRuns(sandbox, `sleep 481${round}`);
          await sandbox.exec('pkill -9 -x opencode');
        },
      });
      expect(killed).toMatchObject({ status: 'failed', error: { code: 'AGENT_CRASHED' } });
      const next = await sandbox.agent.prompt('SCENARIO:text reply="after the kill"', {
        sessionId: killed.sessionId ?? 'none',
      });
      expect(next).toMatchObject({
        status: 'completed',
        text: 'after the kill',
        sessionId: killed.sessionId,
      });
    }
    await expectWhole(box);
    await watch.stop();
  });

// What the host does to a connection inside the sandbox it can do with runc only.
test
  .runIf(ALL && process.env['BANATA_TEST_ISOLATION'] !== 'gvisor')
  .concurrent(
    'an event stream of the agent that falls silent or breaks in mid-turn costs no task its end',
    async () => {
      const box = await launch();
      const { sandbox, watch } = box;
      await using _ = sandbox;
      const words = wordsOf(20);
      const connection = await AgentConnection.find(installation, sandbox);
      const heard = await connection.silence();
      const prompt = `SCENARIO:text delayMs=100 reply="${words}"`;
      const missed = await faulty(box, 'agent’s events: silent, no idle', prompt);
      await heard();
      expect(missed).toMatchObject({ status: 'completed', resultText: words });
      expect(textsSeen(watch, missed.taskId).whole).toEqual([words]);

      const cut = await faulty(box, 'agent’s events: cut in mid-turn', `${prompt} name=second`, {
        during: async () => {
          await sleep(1_000);
          await connection.cut();
        },
      });
      expect(cut).toMatchObject({ status: 'completed', resultText: words });
      expect(textsSeen(watch, cut.taskId).whole).toEqual([words]);
      await expectWhole(box);
      await watch.stop();
    },
  );

const KILLS_TIMEOUT_MS = ALL ? 400_000 : 120_000;

test(
  'a server killed twice in the middle of a task loses nothing of it',
  { timeout: KILLS_TIMEOUT_MS },
  async () => {
    const box = await launch();
    const { sandbox, watch } = box;
    await using _ = sandbox;
    const killTwice = async (): Promise<void> => {
      for (let kill = 0; kill < 2; kill += 1) {
        await sleep(500);
        await installation.stopServer('SIGKILL');
        await installation.startServer();
      }
    };
    for (let round = 1; round <= ROUNDS; round += 1) {
      const file = `/workspace/round-${round}`;
      const working = await faulty(
        box,
        'server: kill -9 twice, during a command',
        `SCENARIO:bash command="echo began >> ${file}; sleep 6; echo ended >> ${file}" reply="done once"`,
        { during: killTwice },
      );
      expect(working).toMatchObject({
        status: 'completed',
        resultText: 'done once',
        usage: { modelCalls: 2 },
      });
      expect(await sandbox.fs.read(file)).toBe('began\nended\n');
    }
    if (ALL) {
      // The model gateway is in the server: the answer breaks off, and OpenCode asks the model again.
      const words = wordsOf(60);
      const prompt = `SCENARIO:text delayMs=100 reply="${words}"`;
      const answering = await faulty(box, 'server: kill -9 twice, during an answer', prompt, {
        during: killTwice,
      });
      expect(answering).toMatchObject({ status: 'completed', resultText: words });
      expect(textsSeen(watch, answering.taskId)).toEqual({ whole: [words], joined: [words] });
    }
    await expectWhole(box);
    await watch.stop();
  },
);

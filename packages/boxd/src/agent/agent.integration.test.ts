import type { AgentMessage, BoxAgentState, BoxEventBody, BoxTask } from '@banata/protocol/box';
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findMarked } from '../exec/marked-processes.ts';
import type { MessagesPage } from './opencode/read-messages.ts';
import { type HostAgent, startHostAgent } from './testing/host-agent.ts';

let agent: HostAgent;

beforeAll(async () => {
  const env = { GREETING: 'from the sandbox', XDG_CONFIG_HOME: '/given' };
  const limits = { modelCalls: 12, unresponsiveMs: 2_000, noAnswerMs: 5_000 };
  agent = await startHostAgent({ env, limits });
  await agent.put('warm-up', 'SCENARIO:text');
  expect(await agent.done('warm-up')).toMatchObject({ status: 'completed' });
});

afterAll(async () => {
  const { user } = agent.environment.accounts;
  const runId = (await readFile(join(agent.environment.stateDir, 'agent-run-id'), 'utf8')).trim();
  await agent.close();
  expect(await findMarked({ name: 'BANATA_AGENT_RUN', value: runId }, user)).toEqual({
    pids: [],
    whole: true,
  });
});

const inWorkspace = (name: string): string => join(agent.environment.workspace, name);
const updates = (taskId: string): BoxTask[] =>
  agent.events.flatMap((event) =>
    event.type === 'task.updated' && event.data.taskId === taskId ? [event.data] : [],
  );

type DataOf<T extends BoxEventBody['type']> = Extract<BoxEventBody, { type: T }>['data'];

function eventsOf<T extends BoxEventBody['type']>(type: T, taskId: string): DataOf<T>[] {
  const fits = agent.events.filter(
    ({ type: is, data }) => is === type && 'taskId' in data && data.taskId === taskId,
  );
  return fits.map(({ data }) => data) as DataOf<T>[];
}

/** Processes of the running agent server, by a piece of their command line. */
async function pids(commandPart: string): Promise<number[]> {
  const runId = (await readFile(join(agent.environment.stateDir, 'agent-run-id'), 'utf8')).trim();
  const marked = await findMarked(
    { name: 'BANATA_AGENT_RUN', value: runId },
    agent.environment.accounts.user,
  );
  const lines = await Promise.all(marked.pids.map(commandLine));
  return marked.pids.filter((_, index) => lines[index]?.includes(commandPart));
}

/** Empty for a process that is gone. */
async function commandLine(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
}

describe('a task', () => {
  test('answers a text prompt and tells of it', async () => {
    const first = await agent.put('text', 'SCENARIO:text reply="one two three" delayMs=60');
    expect(first).toMatchObject({ taskId: 'text', status: 'queued', sessionId: null });
    const task = await agent.done('text');
    expect(task).toMatchObject({ status: 'completed', resultText: 'one two three', error: null });
    const amounts = { inputTokens: 100, outputTokens: 10, costUsd: 0, modelCalls: 1 };
    expect(task.usage).toEqual({ ...amounts, byModel: { 'acme/main-1': amounts } });
    await agent.when('final event', () => updates('text').at(-1)?.status === 'completed');
    expect(updates('text').map(({ status }) => status)).toEqual(['queued', 'running', 'completed']);
    const deltas = eventsOf('agent.text.delta', 'text');
    expect(deltas.map(({ text }) => text).join('')).toBe('one two three');
    expect(deltas.length).toBeLessThanOrEqual(3);
    const parts = eventsOf('agent.part', 'text').map(({ part }) => part);
    expect(parts).toEqual([{ type: 'text', id: deltas[0]?.partId, text: 'one two three' }]);
    expect(eventsOf('agent.status', 'text').map(({ status }) => status)).toEqual(['busy', 'idle']);
  });

  test('writes a file, runs a command, and shows each tool call as it changes', async () => {
    await agent.put('files', `SCENARIO:write-bash path=${inWorkspace('made.txt')} content="made here"`);
    expect(await agent.done('files')).toMatchObject({ status: 'completed', usage: { modelCalls: 3 } });
    expect(await readFile(inWorkspace('made.txt'), 'utf8')).toBe('made here');
    const tools = eventsOf('agent.part', 'files').flatMap(({ part }) => (part.type === 'tool' ? [part] : []));
    const statesOf = (tool: string): string[] =>
      tools.filter((part) => part.tool === tool).map(({ status }) => status);
    expect(statesOf('write')).toEqual(['pending', 'running', 'completed']);
    expect(statesOf('bash').at(-1)).toBe('completed');
    expect(tools.findLast(({ tool }) => tool === 'bash')?.output).toContain('9 ');
  });

  test('gives its commands the environment of the sandbox and not that of the agent server', async () => {
    await agent.put('env', 'SCENARIO:bash command=env');
    const { sessionId } = await agent.done('env');
    const reply = await agent.call('GET', `/agent/messages?sessionId=${sessionId}&limit=10`);
    const { messages } = reply.body as { messages: AgentMessage[] };
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'assistant']);
    const part = messages[1]?.parts[0];
    const output = part?.type === 'tool' ? (part.output ?? '') : '';
    expect(output).toContain('GREETING=from the sandbox\n');
    expect(output).toContain('XDG_CONFIG_HOME=/given\n');
    expect(output).toContain('BANATA_SERVICE=agent\n');
    expect(output).not.toMatch(/^(OPENCODE_SERVER_PASSWORD|XDG_DATA_HOME|TMPDIR|BASH_ENV)=/m);
  });

  test('is started once, however often it is put', async () => {
    const before = agent.model.requests.length;
    const puts = [1, 2, 3].map(() => agent.put('once', 'SCENARIO:text reply=once'));
    const ids = (await Promise.all(puts)).map(({ taskId }) => taskId);
    expect(ids).toEqual(['once', 'once', 'once']);
    const task = await agent.done('once');
    expect(await agent.put('once', 'SCENARIO:text reply=twice')).toEqual(task);
    expect(agent.model.requests.length - before).toBe(1);
  });

  test('waits for the earlier ones of its session, not for those of others', async () => {
    const { sessionId } = await agent.done('warm-up');
    const file = inWorkspace('order');
    await agent.put('first', `SCENARIO:bash command="sleep 1; echo first >> ${file}"`, { sessionId });
    await agent.put('second', `SCENARIO:bash command="echo second >> ${file}"`, { sessionId });
    await agent.put('other', `SCENARIO:bash command="echo other >> ${file}"`);
    const all = await Promise.all(['first', 'second', 'other'].map((id) => agent.done(id)));
    expect(all.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    expect((await readFile(file, 'utf8')).trim().split('\n')).toEqual(['other', 'first', 'second']);
    expect(all[1]?.startedAt).toBeGreaterThanOrEqual(all[0]?.finishedAt ?? Infinity);
  });

  test('adds context without a model turn', async () => {
    const { sessionId } = await agent.done('warm-up');
    const before = agent.model.requests.length;
    await agent.put('context', 'remember the number 7', { sessionId, noReply: true });
    expect(await agent.done('context')).toMatchObject({ status: 'completed', usage: { modelCalls: 0 } });
    expect(agent.model.requests.length).toBe(before);
  });

  test('passes the system text on, and plans without editing as plan', async () => {
    const prompt = `SCENARIO:write-bash path=${inWorkspace('plan.txt')}`;
    await agent.put('plan', prompt, { agent: 'plan', system: 'SYSTEM-MARK' });
    expect(await agent.done('plan')).toMatchObject({ status: 'completed' });
    await expect(access(inWorkspace('plan.txt'))).rejects.toThrow('ENOENT');
    const request = agent.model.requests.at(-1);
    expect(request?.system).toContain('SYSTEM-MARK');
    expect(request?.system).toContain('You are the agent of a Banata sandbox');
  });

  test('counts what its subagents use and shows their answer as output of the tool', async () => {
    await agent.put('sub', 'SCENARIO:subagent');
    expect(await agent.done('sub')).toMatchObject({
      status: 'completed',
      usage: { inputTokens: 300, modelCalls: 3 },
    });
    const outputs = eventsOf('agent.part', 'sub').map(({ part }) =>
      part.type === 'tool' ? part.output : null,
    );
    expect(outputs.some((output) => output?.includes('subagent answer'))).toBe(true);
  });

  test('answers JSON that fits its schema; what does not fit goes back once', async () => {
    const responseSchema = { type: 'object', required: ['price'], properties: { price: { type: 'number' } } };
    const good = String.raw`"{\"price\":42}"`;
    await agent.put('json', `SCENARIO:answers reply="about 42" then=${good}`, { responseSchema });
    const task = await agent.done('json');
    expect(task).toMatchObject({ status: 'completed', structured: { price: 42 }, usage: { modelCalls: 2 } });
    await agent.put('prose', 'SCENARIO:answers reply="about 42" then="still about 42"', { responseSchema });
    expect(await agent.done('prose')).toMatchObject({
      status: 'failed',
      structured: null,
      error: { code: 'ANSWER_MISMATCH' },
    });
    await agent.put('bad', 'SCENARIO:text', { responseSchema: { type: 'numbr' } });
    expect(await agent.done('bad')).toMatchObject({ error: { code: 'RESPONSE_SCHEMA_INVALID' } });
  });

  test('takes files along, chooses its model, and says what it changed', async () => {
    await writeFile(inWorkspace('note.txt'), 'the harbour opens at nine');
    const prompt = `SCENARIO:write-bash path=${inWorkspace('out.txt')}`;
    await agent.put('attached', prompt, { files: ['note.txt'], model: 'acme/small-1' });
    const task = await agent.done('attached');
    expect(task).toMatchObject({ status: 'completed', filesChanged: [inWorkspace('out.txt')] });
    expect(Object.keys(task.usage.byModel)).toEqual(['acme/small-1']);
    expect(agent.model.requests.at(-1)).toMatchObject({ model: 'acme/small-1' });
    expect(agent.model.requests.at(-1)?.prompt).toContain('the harbour opens at nine');
  });

  test.each([
    ['no file', 'no-such.txt'],
    ['a folder', '.'],
    ['a file of root', '/etc/shadow'],
  ])('does not begin with %s instead of a file to take along', async (name, file) => {
    await writeFile(inWorkspace('there.txt'), 'there');
    await agent.put(`absent-${name.replaceAll(' ', '-')}`, 'SCENARIO:text', { files: ['there.txt', file] });
    expect(await agent.done(`absent-${name.replaceAll(' ', '-')}`)).toMatchObject({
      status: 'failed',
      error: { code: 'FILE_NOT_FOUND' },
    });
  });

  test('tells of the to-do list', async () => {
    await agent.put('todo', 'SCENARIO:todo');
    await agent.done('todo');
    expect(eventsOf('agent.todo', 'todo').at(-1)?.todos).toEqual([
      { content: 'First thing', status: 'completed' },
      { content: 'Second thing', status: 'in_progress' },
    ]);
  });
});

describe('a budget', () => {
  test('ends a runaway with what it used', async () => {
    await agent.put('requests', 'SCENARIO:loop', { budget: { requests: 3 } });
    expect(await agent.done('requests')).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_EXCEEDED' },
    });
    await agent.put('tokens', 'SCENARIO:loop', { budget: { tokens: 250 } });
    const task = await agent.done('tokens');
    expect(task.error?.message).toContain('330 tokens, more than its budget of 250');
    expect(task.usage.modelCalls).toBeLessThan(6);
    await agent.put('within', 'SCENARIO:text', { budget: { requests: 3, tokens: 250 } });
    expect(await agent.done('within')).toMatchObject({ status: 'completed' });
  });
});

describe('the end of a task', () => {
  test.each([
    ['e401', 'SCENARIO:error status=401 message="bad key"', 'MODEL_AUTH', /bad key/],
    ['e402', 'SCENARIO:error status=402', 'MODEL_BUDGET', /402/],
    ['e400', 'SCENARIO:error status=400', 'MODEL_ERROR', /400/],
    ['e429', 'SCENARIO:error status=429 retryAfter=3600', 'MODEL_RATE_LIMITED', /3[56]\d\d s/],
    ['loop', 'SCENARIO:loop', 'MODEL_CALL_LIMIT', /12 model requests/],
  ])('%s is a failure that says why', async (taskId, prompt, code, text) => {
    await agent.put(taskId, prompt);
    const task = await agent.done(taskId);
    expect(task).toMatchObject({ status: 'failed', error: { code } });
    expect(task.error?.message).toMatch(text);
    expect(updates(taskId).filter(({ status }) => status !== 'queued' && status !== 'running')).toHaveLength(
      1,
    );
  });

  test('comes at its timeout, with what was written so far', async () => {
    await agent.put('slow', 'SCENARIO:hang text="so far"', { timeoutMs: 1_500 });
    expect(await agent.done('slow')).toMatchObject({
      status: 'failed',
      error: { code: 'TASK_TIMEOUT' },
      resultText: 'so far',
    });
  });

  test('a connection that breaks once does not end it', async () => {
    await agent.put('cut', 'SCENARIO:cut times=1 reply="whole answer"');
    expect(await agent.done('cut')).toMatchObject({ status: 'completed', resultText: 'whole answer' });
    expect(eventsOf('agent.status', 'cut').map(({ status }) => status)).toContain('retry');
  });

  test('comes at once when it is cancelled, also for its command and for a task that waits', async () => {
    const { sessionId } = await agent.done('warm-up');
    await agent.put('long', 'SCENARIO:bash command="sleep 4711"', { sessionId });
    await agent.put('waiting', 'SCENARIO:text', { sessionId });
    await agent.when('running command', async () => (await pids('sleep 4711')).length > 0);
    const waiting = await agent.call('POST', '/agent/tasks/waiting/cancel');
    expect(waiting.body).toMatchObject({ status: 'cancelled', sessionId, startedAt: null });
    const long = await agent.call('POST', '/agent/tasks/long/cancel');
    expect(long.body).toMatchObject({ status: 'cancelled', error: null });
    expect(await pids('sleep 4711')).toEqual([]);
    await agent.put('after-cancel', 'SCENARIO:text reply=after', { sessionId });
    expect(await agent.done('after-cancel')).toMatchObject({ status: 'completed', resultText: 'after' });
    expect((await agent.call('POST', '/agent/tasks/long/cancel')).body).toEqual(long.body);
  });

  test.each(['ses_nope', 'nope'])('an unknown session, %s, is named as such', async (sessionId) => {
    await agent.put(`nowhere-${sessionId}`, 'SCENARIO:text', { sessionId });
    expect(await agent.done(`nowhere-${sessionId}`)).toMatchObject({
      status: 'failed',
      error: { code: 'SESSION_NOT_FOUND' },
    });
  });
});

describe('a crash', () => {
  test('of the agent server ends its task for good, with its command, and the next one works', async () => {
    const { sessionId } = await agent.done('warm-up');
    await agent.put('crash', 'SCENARIO:bash command="sleep 4712"', { sessionId });
    await agent.put('behind', 'SCENARIO:text reply=behind', { sessionId });
    await agent.when('running command', async () => (await pids('sleep 4712')).length > 0);
    const sleepers = await pids('sleep 4712');
    const [server] = await pids('opencode serve');
    process.kill(server ?? 0, 'SIGKILL');
    expect(await agent.done('crash')).toMatchObject({ status: 'failed', error: { code: 'AGENT_CRASHED' } });
    expect(await agent.done('behind')).toMatchObject({ status: 'completed', resultText: 'behind' });
    const prompts = agent.model.requests.filter(({ prompt }) => prompt.includes('sleep 4712'));
    expect(prompts).toHaveLength(1);
    expect(await Promise.all(sleepers.map(commandLine))).not.toContainEqual(
      expect.stringContaining('sleep 4712'),
    );
  });

  test('that leaves the agent server hanging ends it', async () => {
    await agent.put('hung', 'SCENARIO:bash command="sleep 4713"');
    await agent.when('running command', async () => (await pids('sleep 4713')).length > 0);
    const [server] = await pids('opencode serve');
    process.kill(server ?? 0, 'SIGSTOP');
    expect(await agent.done('hung')).toMatchObject({ status: 'failed', error: { code: 'AGENT_CRASHED' } });
    await agent.put('after-hang', 'SCENARIO:text');
    expect(await agent.done('after-hang')).toMatchObject({ status: 'completed' });
  });

  test('of the daemon leaves queued tasks to be run and running ones to be judged', async () => {
    const { sessionId } = await agent.done('warm-up');
    const before = agent.model.requests.length;
    await agent.put('before-stop', 'SCENARIO:bash command="sleep 4714"', { sessionId });
    await agent.put('queued-over', 'SCENARIO:text reply=later', { sessionId });
    await agent.when('running command', async () => (await pids('sleep 4714')).length > 0);
    await agent.restart();
    expect(await agent.done('before-stop')).toMatchObject({
      status: 'failed',
      error: { code: 'AGENT_CRASHED' },
    });
    expect(await agent.done('queued-over')).toMatchObject({ status: 'completed', resultText: 'later' });
    expect(agent.model.requests.length - before).toBe(2);
    expect((await agent.done('text')).resultText).toBe('one two three');
  });

  test('after the turn was over finds it completed', async () => {
    await agent.put('over', 'SCENARIO:text reply="all there"');
    const task = await agent.done('over');
    const file = join(agent.environment.stateDir, 'tasks/over.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { task: BoxTask };
    const running = { ...task, status: 'running', resultText: null, finishedAt: null };
    await writeFile(file, JSON.stringify({ ...record, task: running }));
    const before = agent.model.requests.length;
    await agent.restart();
    const again = await agent.done('over');
    expect({ ...again, finishedAt: 0 }).toEqual({ ...task, finishedAt: 0 });
    expect(agent.model.requests.length).toBe(before);
  });
});

describe('a report', () => {
  test('is kept, told of with its task, and survives a restart', async () => {
    await agent.put('reporting', 'SCENARIO:report result="It is done"');
    expect(await agent.done('reporting')).toMatchObject({ status: 'completed' });
    const report = {
      result: 'It is done',
      report: '1. Open the page\n2. Read it',
      url: 'https://example.com/',
      stepsCompleted: 2,
      durationMs: 1500,
      completedAt: expect.any(Number) as number,
    };
    expect(eventsOf('task.report', 'reporting')).toEqual([{ taskId: 'reporting', report }]);
    await agent.restart();
    const state = await agent.call('GET', '/agent/state');
    expect((state.body as BoxAgentState).lastTaskReport).toEqual(report);
  });
});

describe('the routes', () => {
  test('say what state the agent is in', async () => {
    await agent.put('state', 'SCENARIO:bash command="sleep 1"');
    await agent.when('working', async () => {
      const { body } = await agent.call('GET', '/agent/state');
      return (body as BoxAgentState).state === 'working';
    });
    await agent.done('state');
    const { body } = await agent.call('GET', '/agent/state');
    expect(body).toMatchObject({ state: 'idle', reason: null, version: '1.18.33', tasks: [] });
  });

  test.each([
    ['GET', '/agent/tasks/unknown', 404, 'TASK_NOT_FOUND'],
    ['POST', '/agent/tasks/unknown/cancel', 404, 'TASK_NOT_FOUND'],
    ['GET', '/agent/tasks/a%2F..%2Fb', 400, 'INVALID_TASK_ID'],
    ['GET', '/agent/messages?limit=0', 400, 'INVALID_QUERY'],
    ['GET', '/agent/messages?sessionId=ses_nope', 404, 'SESSION_NOT_FOUND'],
    ['GET', '/agent/messages?sessionId=nope', 404, 'SESSION_NOT_FOUND'],
    ['GET', '/agent/messages?sessionId=..%2F..%2Fconfig', 404, 'SESSION_NOT_FOUND'],
  ])('answer %s %s with %d', async (method, path, status, code) => {
    expect(await agent.call(method, path)).toMatchObject({ status, body: { code } });
  });

  test('give a session page by page, each message once', async () => {
    const { sessionId } = await agent.done('warm-up');
    const at = `/agent/messages?sessionId=${sessionId}`;
    const all = (await agent.call('GET', `${at}&limit=500`)).body as MessagesPage;
    expect(all.messages.length).toBeGreaterThan(5);
    expect(all.nextCursor).toBeNull();
    const pages: AgentMessage[][] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body } = await agent.call('GET', `${at}&limit=3${cursor && `&cursor=${cursor}`}`);
      const page = body as MessagesPage;
      pages.unshift(page.messages);
      cursor = page.nextCursor;
    }
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flat()).toEqual(all.messages);
    const { status, body } = await agent.call('GET', `${at}&cursor=nonsense`);
    expect({ status, body }).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST' } });
  });

  test('give the newest session without an id', async () => {
    await agent.put('newest', 'SCENARIO:text reply=newest');
    const { sessionId } = await agent.done('newest');
    const { messages } = (await agent.call('GET', '/agent/messages')).body as { messages: AgentMessage[] };
    expect(messages.map((message) => message.sessionId)).toEqual([sessionId, sessionId]);
  });
});

import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const KEY = 'sk-canary-agent-api-91c3d7';
const ALL = process.env['BANATA_TEST_ALL'] === '1';

let installation: Installation;
let model: ScriptedModel;
let banata: BanataSandbox;
let sandbox: Sandbox;
let deadPort: number;

beforeAll(async () => {
  model = await startScriptedModel({ apiKey: KEY });
  deadPort = await freePort();
  installation = await Installation.start({
    BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port},127.0.0.1:${deadPort}`,
  });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  sandbox = await banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: {
      agent: {
        enabled: true,
        models: ['acme/extra-1'],
        permissions: { '*': 'allow', bash: 'ask', question: 'allow' },
        instructions: 'INSTRUCTION-MARK: answer briefly.',
      },
    },
  });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
});

test('a prompt with files, a model of its own and a schema answers JSON', async () => {
  await sandbox.fs.write('/workspace/note.txt', 'the harbour opens at nine');
  const reply = await sandbox.agent.prompt(String.raw`SCENARIO:answers reply="{\"opens\":9}"`, {
    files: ['note.txt'],
    model: 'acme/extra-1',
    responseSchema: { type: 'object', required: ['opens'], properties: { opens: { type: 'integer' } } },
    metadata: { jobId: 'job-1', nested: { list: [1, 'two'] } },
  });
  expect(reply).toMatchObject({ status: 'completed', structured: { opens: 9 }, error: null });
  const asked = model.requests.at(-1);
  expect(asked?.model).toBe('acme/extra-1');
  expect(asked?.prompt).toContain('the harbour opens at nine');
  expect(asked?.system).toContain('INSTRUCTION-MARK');
  const task = await sandbox.agent.getTask(reply.taskId);
  expect(task).toMatchObject({
    model: 'acme/extra-1',
    metadata: { jobId: 'job-1', nested: { list: [1, 'two'] } },
  });
  expect(Object.keys(task?.usage.byModel ?? {})).toEqual(['acme/extra-1']);
});

test('a session goes on, and its messages come page by page', async () => {
  const first = await sandbox.agent.prompt('SCENARIO:text reply="first"');
  const sessionId = first.sessionId ?? '';
  for (const reply of ['second', 'third']) {
    const next = await sandbox.agent.prompt(`SCENARIO:text reply="${reply}"`, { sessionId });
    expect(next).toMatchObject({ sessionId, text: reply });
    expect(next.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))).toEqual([reply]);
  }
  const newest = await sandbox.agent.listMessages({ sessionId, limit: 4 });
  const cursor = newest.nextCursor ?? '';
  const older = await sandbox.agent.listMessages({ sessionId, limit: 4, cursor });
  expect(older.nextCursor).toBeNull();
  const all = await sandbox.agent.getMessages({ sessionId });
  expect([...older.messages, ...newest.messages]).toEqual(all);
  expect(all.map(({ role }) => role)).toEqual([
    'user',
    'assistant',
    'user',
    'assistant',
    'user',
    'assistant',
  ]);
  await expect(sandbox.agent.listMessages({ cursor })).rejects.toMatchObject({ status: 400 });
  await expect(sandbox.agent.listMessages({ sessionId, cursor: 'none' })).rejects.toMatchObject({
    status: 400,
  });
  await expect(sandbox.agent.getMessages({ sessionId: 'ses_none' })).rejects.toMatchObject({ status: 400 });
});

test('a permission and a question wait for a person, who answers by the SDK', async () => {
  const allowed = await sandbox.agent.promptAsync('SCENARIO:bash command="echo yes > /workspace/allowed"');
  const permission = await until(
    'permission asked',
    async () => (await sandbox.agent.listAsks()).permissions[0],
  );
  expect(permission).toMatchObject({ tool: 'bash' });
  await sandbox.agent.answerPermission(permission.permissionId, 'once');
  expect(await sandbox.agent.waitForTask(allowed.taskId)).toMatchObject({ status: 'completed' });
  expect(await sandbox.fs.read('/workspace/allowed')).toBe('yes\n');

  const asking = await sandbox.agent.promptAsync('SCENARIO:question question="Which?" reply="Thanks."');
  const question = await until('question asked', async () => (await sandbox.agent.listAsks()).questions[0]);
  expect(question.questions[0]).toMatchObject({ question: 'Which?' });
  await sandbox.agent.answerQuestion(question.questionId, [['Blue']]);
  expect(await sandbox.agent.waitForTask(asking.taskId)).toMatchObject({
    status: 'completed',
    resultText: 'Thanks.',
  });
  expect(await sandbox.agent.listAsks()).toEqual({ permissions: [], questions: [] });
  await expect(sandbox.agent.answerPermission(permission.permissionId, 'once')).rejects.toMatchObject({
    code: 'ASK_NOT_FOUND',
  });
});

test.each([
  ['an empty prompt', { prompt: ' \n' }, /must hold text/],
  ['an unknown agent', { agent: 'boss' }, /build.*plan/],
  ['an unknown session', { sessionId: 'ses_nowhere' }, /no such agent session; leave it out/],
  ['a session id that is none', { sessionId: 'nowhere' }, /no such agent session; leave it out/],
  ['a prompt over 1 MiB', { prompt: 'x'.repeat(1024 * 1024 + 1) }, /1048576/],
  ['metadata over 16 KiB', { metadata: { a: 'x'.repeat(16 * 1024) } }, /16384/],
  ['an unknown model', { model: 'acme/none' }, /acme\/main-1.*acme\/extra-1/],
  ['too long a time', { timeoutMs: 24 * 60 * 60 * 1000 }, /43200000/],
])('%s is refused with what is allowed', async (_name, wrong, allowed) => {
  const reply = await fetch(`${installation.url}/v1/sandboxes/agent/prompt-async`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await installation.apiKey()}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: sandbox.id, prompt: 'SCENARIO:text', ...wrong }),
  });
  const body = (await reply.json()) as { error: string; code: string };
  expect({ status: reply.status, code: body.code }).toEqual({ status: 400, code: 'INVALID_REQUEST' });
  expect(JSON.stringify(body)).toMatch(allowed);
});

test('a provider that refuses is quoted without the key', async () => {
  const prompt = `SCENARIO:error status=400 message="no credit for key ${KEY}, says the provider"`;
  const reply = await sandbox.agent.prompt(prompt);
  expect(reply).toMatchObject({ status: 'failed', error: { code: 'MODEL_ERROR' } });
  expect(reply.error?.message).toMatch(/no credit for key \*+, says the provider/);
  expect(JSON.stringify(reply.error)).not.toContain(KEY);
});

test('a model that cannot be reached is named as such', { timeout: 180_000 }, async () => {
  await using cutOff = await banata.launch({
    env: {
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: `http://127.0.0.1:${deadPort}/v1`,
      OPENAI_MODEL: 'acme/main-1',
    },
    capabilities: { agent: { enabled: true } },
  });
  // OpenCode tries for more than a minute.
  const reply = await cutOff.agent.prompt('SCENARIO:text', ALL ? {} : { timeoutMs: 4_000 });
  expect(reply.status).toBe('failed');
  expect(reply.error?.message).toMatch(/cannot reach the model server 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/);
  expect(JSON.stringify(reply.error)).not.toContain(KEY);
});

import { BanataSandbox } from '@banata-boxes/sdk';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { createOpencodeClient, type Event } from '@opencode-ai/sdk';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { Installation } from './support/installation.ts';

const KEY = 'sk-canary-3c81d2';

let installation: Installation;
let model: ScriptedModel;
let key: string;
let banata: BanataSandbox;

beforeAll(async () => {
  model = await startScriptedModel({ apiKey: KEY });
  installation = await Installation.start({ BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}` });
  key = await installation.apiKey();
  banata = new BanataSandbox({ apiKey: key, baseUrl: installation.url });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
});

function launch(agent: { enabled: true; allowPromptApi?: boolean }) {
  return banata.launch({
    env: { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: model.baseUrl, OPENAI_MODEL: 'acme/main-1' },
    capabilities: { agent },
  });
}

function clientOf(id: string, authorization = `Bearer ${key}`) {
  return createOpencodeClient({
    baseUrl: `${installation.url}/v1/sandboxes/opencode/server/${id}`,
    headers: { authorization },
  });
}

test('OpenCode’s own SDK makes a session, prompts and watches its events', { timeout: 120_000 }, async () => {
  await using sandbox = await launch({ enabled: true });
  const client = clientOf(sandbox.id);
  const seen: Event[] = [];
  const watching = new AbortController();
  const events = await client.event.subscribe({ signal: watching.signal });
  const reading = (async () => {
    for await (const event of events.stream) seen.push(event);
  })().catch(() => undefined);

  const { data: session } = await client.session.create({
    body: { title: 'From the SDK' },
    throwOnError: true,
  });
  const text = 'SCENARIO:write-bash path=/workspace/sdk.txt content="from the sdk" reply="Written."';
  const { data: answer } = await client.session.prompt({
    path: { id: session.id },
    body: { parts: [{ type: 'text', text }] },
    throwOnError: true,
  });

  expect(answer.info).toMatchObject({ role: 'assistant', sessionID: session.id });
  expect(answer.parts.filter((part) => part.type === 'text').map((part) => part.text)).toContain('Written.');
  expect(await sandbox.fs.read('/workspace/sdk.txt')).toContain('from the sdk');
  const { data: messages } = await client.session.messages({ path: { id: session.id }, throwOnError: true });
  expect(messages.length).toBeGreaterThanOrEqual(2);
  await expect.poll(() => seen.map(({ type }) => type), { timeout: 5_000 }).toContain('session.idle');
  expect(seen.map(({ type }) => type)).toContain('message.part.updated');
  watching.abort();
  await reading;

  // The same work is a task of the platform.
  const { data: tasks } = await sandbox.agent.listTasks();
  expect(tasks[0]).toMatchObject({ status: 'completed', sessionId: session.id });
});

test('Basic works as well as Bearer, and without a key nothing does', { timeout: 60_000 }, async () => {
  await using sandbox = await launch({ enabled: true });
  const basic = `Basic ${Buffer.from(`opencode:${key}`).toString('base64')}`;
  const { data } = await clientOf(sandbox.id, basic).session.list({ throwOnError: true });
  expect(Array.isArray(data)).toBe(true);
  const { response } = await clientOf(
    sandbox.id,
    'Bearer br_live_00000000000000000000000000000000',
  ).session.list();
  expect(response.status).toBe(401);
});

test('a terminal of the agent through its own API', { timeout: 60_000 }, async () => {
  await using sandbox = await launch({ enabled: true });
  const base = `${installation.url}/v1/sandboxes/opencode/server/${sandbox.id}`;
  const authorization = `Bearer ${key}`;
  const made = await fetch(`${base}/pty`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ command: '/bin/sh', args: [], cwd: '/workspace' }),
  });
  const { id } = (await made.json()) as { id: string };
  const token = await fetch(`${base}/pty/${id}/connect-token`, {
    method: 'POST',
    headers: { authorization, 'x-opencode-ticket': '1' },
  });
  const { ticket } = (await token.json()) as { ticket: string };
  const address = `${base.replace('http', 'ws')}/pty/${id}/connect`;
  const socket = new WebSocket(`${address}?ticket=${ticket}`, { headers: { authorization } });
  let shown = '';
  socket.on('message', (chunk: Buffer) => (shown += chunk.toString()));
  await once(socket, 'open');
  socket.send('echo $((6*7))-terminal\r');
  await expect.poll(() => shown, { timeout: 10_000 }).toContain('42-terminal');
  socket.close();
  const refused = new WebSocket(address);
  const [error] = (await once(refused, 'error')) as [Error];
  expect(error.message).toContain('401');
});

test(
  'what would change the agent is refused by name, and its keys are not shown',
  { timeout: 60_000 },
  async () => {
    await using sandbox = await launch({ enabled: true });
    const client = clientOf(sandbox.id);
    const { error, response } = await client.config.update({ body: { model: 'openai/other' } });
    expect(response.status).toBe(403);
    expect(error).toMatchObject({ code: 'AGENT_ROUTE_REFUSED' });
    expect((await client.instance.dispose()).response.status).toBe(403);
    const { data: config } = await client.config.get({ throwOnError: true });
    expect(config.model).toBe('openai-compatible/acme/main-1');
    const provider = config.provider?.['openai-compatible'];
    expect(provider?.options).toHaveProperty('baseURL');
    expect(provider?.options).not.toHaveProperty('apiKey');
  },
);

test('a sandbox that takes no prompts takes none this way either', { timeout: 60_000 }, async () => {
  await using sandbox = await launch({ enabled: true, allowPromptApi: false });
  const client = clientOf(sandbox.id);
  const { data: session } = await client.session.create({ body: {}, throwOnError: true });
  const { error, response } = await client.session.promptAsync({
    path: { id: session.id },
    body: { parts: [{ type: 'text', text: 'SCENARIO:text reply=no' }] },
  });
  expect(response.status).toBe(403);
  expect(error).toMatchObject({ error: 'OpenCode prompt API is disabled for this sandbox' });
});

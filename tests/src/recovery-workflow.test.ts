import { BanataSandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startScriptedModel, type ScriptedModel } from '@banata/boxd/testing';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

let installation: Installation;
let model: ScriptedModel;
let banata: BanataSandbox;

beforeAll(async () => {
  model = await startScriptedModel({ apiKey: 'sk-test' });
  installation = await Installation.start({ BANATA_MODEL_ALLOW_HOSTS: `127.0.0.1:${model.port}` });
  banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
});

afterAll(async () => {
  await installation?.remove();
  await model?.close();
});

const modelEnv = () => ({
  OPENAI_API_KEY: 'sk-test',
  OPENAI_BASE_URL: model.baseUrl,
  OPENAI_MODEL: 'acme/main-1',
});

test('a killed server is replaced: the sandbox answers, its running task comes to its end once', async () => {
  await using sandbox = await banata.launch({ env: modelEnv(), capabilities: { agent: { enabled: true } } });
  await sandbox.fs.write('/workspace/before.txt', 'still here');
  const { taskId } = await sandbox.promptAsync(
    'SCENARIO:bash command="sleep 4; echo slept > /workspace/slept.txt" reply="Slept well."',
  );
  await until('the task runs', async () =>
    (await sandbox.getAgentTask(taskId))?.status === 'running' ? true : undefined,
  );
  await installation.stopServer('SIGKILL');
  await installation.startServer();
  expect((await sandbox.exec('cat /workspace/before.txt')).stdout).toBe('still here');
  const task = await sandbox.waitForTask(taskId, { timeoutMs: 60_000 });
  expect(task).toMatchObject({ status: 'completed', resultText: 'Slept well.' });
  const ends: string[] = [];
  for await (const event of sandbox.events({ after: 0, signal: AbortSignal.timeout(10_000) })) {
    if (event.type.startsWith('sandbox.agent.task.') && event.type !== 'sandbox.agent.task.report')
      ends.push(event.type);
    if (event.seq >= (await lastSeq(sandbox.id))) break;
  }
  expect(ends).toEqual([
    'sandbox.agent.task.queued',
    'sandbox.agent.task.running',
    'sandbox.agent.task.completed',
  ]);
});

async function lastSeq(id: string): Promise<number> {
  const reply = await fetch(`${installation.url}/v1/sandboxes/events?id=${id}&limit=1000`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}` },
  });
  const { data } = (await reply.json()) as { data: { seq: number }[] };
  return data.at(-1)?.seq ?? 0;
}

test('deadlines hold over a restart, and a sandbox that idles or expires ends with its reason', async () => {
  const idle = await banata.create({ idleTimeoutMs: 3_000 });
  const expiring = await banata.create({ maxDurationMs: 4_000, idleTimeoutMs: null });
  await Promise.all([banata.waitForReady(idle.id, 30_000), banata.waitForReady(expiring.id, 30_000)]);
  await installation.stopServer();
  await installation.startServer();
  for (const [id, reason] of [
    [idle.id, 'idle timeout'],
    [expiring.id, 'maximum duration'],
  ] as const) {
    const session = await until('the sandbox ends', async () => {
      const current = await banata.get(id);
      return current.status === 'ended' ? current : undefined;
    });
    expect(session.endReason).toContain(reason);
  }
});

test('a renewed deadline counts', async () => {
  const { id } = await banata.create({ maxDurationMs: 2_500 });
  await banata.waitForReady(id, 30_000);
  await using sandbox = await banata.connect(id);
  const renewed = await sandbox.setTimeout(60_000);
  expect(renewed.expiresAt).toBeGreaterThan(Date.now() + 50_000);
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  expect((await sandbox.exec('echo alive')).stdout).toBe('alive\n');
});

test('a box that dies by itself fails its sandbox with a reason, and open tasks come to an end', async () => {
  const sandbox = await banata.launch({ env: modelEnv(), capabilities: { agent: { enabled: true } } });
  const { taskId } = await sandbox.promptAsync('SCENARIO:bash command="sleep 60"');
  await until('the task runs', async () =>
    (await sandbox.getAgentTask(taskId))?.status === 'running' ? true : undefined,
  );
  // Not waited for: the answer cannot come any more.
  await sandbox
    .exec('kill -9 -1; kill -9 1; true', undefined, { user: 'root', timeout: 5_000 })
    .catch(() => undefined);
  await sandbox.exec('true', undefined, { timeout: 2_000 }).catch(() => undefined);
  const listing = await fetch(`${installation.url}/v1/sandboxes?id=${sandbox.id}`, {
    headers: { authorization: `Bearer ${await installation.apiKey()}` },
  });
  expect(listing.status).toBe(200);
  await banata.kill(sandbox.id);
  const task = await sandbox.getAgentTask(taskId);
  expect(task?.finishedAt).not.toBeNull();
  expect(['failed', 'cancelled']).toContain(task?.status);
});

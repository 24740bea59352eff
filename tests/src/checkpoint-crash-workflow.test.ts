import { BanataSandbox, type Checkpoint, type Sandbox } from '@banata-boxes/sdk';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const MINUTE = 60_000;
/** `./banata test --all` takes the time for more moments. */
const everything = process.env['BANATA_TEST_ALL'] === '1';
const MOMENTS_MS = everything ? [10, 60, 150, 300, 600] : [60];
/** Without it one crash while a checkpoint is made and one while one is restored. */
const MORE_MS = everything ? MOMENTS_MS : [];
const FILL =
  'head -c 20000000 /dev/urandom >/workspace/data.bin; for i in $(seq 200); do echo $i >/workspace/f$i; done; echo s | sudo tee /etc/added >/dev/null';
const SUM = 'cat /workspace/data.bin /workspace/f* /etc/added | sha256sum | cut -c1-64';

let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;
let base: Checkpoint;
let sum: string;
const table: string[] = [];

beforeAll(async () => {
  // Copies leave the server's disk once they are in the object store, so that restores come from there.
  installation = await Installation.start({ BANATA_WARM: '0', BANATA_CHECKPOINT_LOCAL_HOURS: '0' });
  banata = new BanataSandbox({
    apiKey: await installation.apiKey(),
    baseUrl: installation.url,
    retry: { maxRetries: 0 },
  });
  sandbox = await banata.launch();
  await shell(sandbox, FILL);
  sum = await shell(sandbox, SUM);
  base = await sandbox.checkpoint({ name: 'base' });
}, 3 * MINUTE);

afterAll(async () => {
  process.stdout.write(`${['  killed while      after   then', ...table].join('\n')}\n`);
  await installation?.remove();
}, 2 * MINUTE);

async function shell(box: Sandbox, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await box.exec(command);
  if (exitCode !== 0) throw new Error(`"${command}" ended with ${exitCode}: ${stderr}`);
  return stdout.trim();
}

async function crash(step: string, ms: number, begin: () => Promise<unknown>): Promise<void> {
  const call = begin().catch(() => undefined);
  await sleep(ms);
  await installation.stopServer('SIGKILL');
  await call;
  await installation.startServer();
}

/** The sandbox when nothing goes on with it any more. */
async function settled(id: string): Promise<string> {
  return until(
    'the sandbox to settle',
    async () => {
      const { status } = await banata.get(id);
      return ['ready', 'active', 'paused', 'ended', 'failed'].includes(status) ? status : undefined;
    },
    MINUTE,
  );
}

async function checkpoints(): Promise<Checkpoint[]> {
  return until(
    'checkpoints to settle',
    async () => {
      const all = await sandbox.listCheckpoints();
      return all.every(({ state }) => state === 'stored' || state === 'failed') ? all : undefined;
    },
    MINUTE,
  );
}

function note(step: string, ms: number, then: string): void {
  table.push(`  ${step.padEnd(17)} ${`${ms} ms`.padStart(6)}   ${then}`);
}

describe('a server that is killed with -9', { timeout: 10 * MINUTE }, () => {
  test.each(MOMENTS_MS)('while it creates a checkpoint, after %i ms', async (ms) => {
    const name = `crash-${ms}`;
    await crash('create', ms, () => sandbox.checkpoint({ name }));
    const all = await checkpoints();
    const made = all.find((one) => one.name === name);
    if (made?.state === 'stored') {
      await using copy = await sandbox.fork({ checkpointId: made.id });
      expect(await shell(copy, SUM)).toBe(sum);
    }
    expect(await shell(sandbox, SUM)).toBe(sum);
    note(
      'create',
      ms,
      `${made ? made.state : 'none'}; ${all.filter(({ state }) => state === 'stored').length} stored`,
    );
    if (made) await sandbox.checkpoints.delete(made.id);
  });

  test.each(MORE_MS)('while it uploads one, after %i ms', async (ms) => {
    const { id } = await sandbox.checkpoint({ name: 'upload' });
    await crash('upload', ms, () => Promise.resolve());
    const found = (await checkpoints()).find((one) => one.id === id);
    expect(found).toMatchObject({ state: 'stored' });
    await using copy = await sandbox.fork({ checkpointId: id });
    expect(await shell(copy, SUM)).toBe(sum);
    note('upload', ms, `stored, ${found?.storedSize} bytes, restored with equal sums`);
    await sandbox.checkpoints.delete(id);
  });

  test.each(MOMENTS_MS)('while it restores one, after %i ms', async (ms) => {
    await checkpoints();
    await shell(sandbox, 'echo changed >/workspace/changed');
    await crash('restore', ms, () => sandbox.restoreCheckpoint(base.id));
    expect(await settled(sandbox.id)).toMatch(/ready|active/);
    const changed = await shell(sandbox, 'ls /workspace/changed 2>/dev/null || true');
    expect(await shell(sandbox, SUM)).toBe(sum);
    note('restore', ms, changed === '' ? 'restored by the next server' : 'as it was before, whole');
  });

  test.each(MORE_MS)('while it forks one, after %i ms', async (ms) => {
    await checkpoints();
    const before = new Set((await banata.list()).data.map(({ id }) => id));
    await crash('fork', ms, () => sandbox.fork({ checkpointId: base.id }));
    const made = (await banata.list()).data.filter(({ id }) => !before.has(id));
    for (const { id } of made) {
      const status = await settled(id);
      expect(status, JSON.stringify(await banata.get(id))).toBe('ready');
      expect(await shell(await banata.connect(id), SUM)).toBe(sum);
      await banata.kill(id);
    }
    note('fork', ms, made.length === 0 ? 'no sandbox' : 'a whole sandbox with equal sums');
  });

  test.each(MORE_MS)('while it pauses and resumes a sandbox, after %i ms', async (ms) => {
    await crash('pause', ms, () => sandbox.pause());
    const status = await settled(sandbox.id);
    if (status === 'paused') {
      await crash('resume', ms, () => sandbox.resume());
      if ((await settled(sandbox.id)) === 'paused') await sandbox.resume();
    }
    expect(await shell(sandbox, SUM)).toBe(sum);
    note('pause, resume', ms, `${status}, then ${await settled(sandbox.id)} and whole`);
  });

  test.runIf(everything)(
    'while the object store is down checkpoints wait, and are stored when it is back',
    async () => {
      await checkpoints();
      const store = join(installation.home, 'artifacts');
      await rename(store, `${store}.away`);
      await writeFile(store, '');
      const { id } = await sandbox.checkpoint({ name: 'waits' });
      const waiting = await until('the upload to fail', async () => {
        const one = await sandbox.checkpoints.get(id);
        return one.reason === null ? undefined : one;
      });
      expect(waiting.state).toMatch(/local|uploading/);
      // It can be restored meanwhile; one that is in the store only cannot, and says so.
      await using copy = await sandbox.fork({ checkpointId: id });
      expect(await shell(copy, SUM)).toBe(sum);
      await rm(store);
      await rename(`${store}.away`, store);
      await checkpoints();
      const stored = await sandbox.checkpoints.get(id);
      expect(stored).toMatchObject({ state: 'stored', reason: null });
      note('store down', 0, `${waiting.state} ("${waiting.reason}"), then stored`);
    },
  );
});

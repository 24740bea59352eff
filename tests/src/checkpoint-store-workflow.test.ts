import { BanataSandbox, type Checkpoint, type Sandbox } from '@banata-boxes/sdk';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { S3Store } from './support/s3-store.ts';
import { until } from './support/until.ts';

const MINUTE = 60_000;
const MOMENTS_MS = [0, 50, 150, 300, 600];
/** Long enough on its way that the store ends in the middle. */
const MIB = 120;
const SUM = 'cat /workspace/data.bin /workspace/round | sha256sum | cut -c1-64';

let store: S3Store;
let installation: Installation;
let banata: BanataSandbox;
let sandbox: Sandbox;
const table: string[] = [];

async function shell(box: Sandbox, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await box.exec(command);
  if (exitCode !== 0) throw new Error(`"${command}" ended with ${exitCode}: ${stderr}`);
  return stdout.trim();
}

/** The checkpoint once `is` says so. */
function seen(what: string, id: string, is: (checkpoint: Checkpoint) => boolean): Promise<Checkpoint> {
  return until(
    what,
    async () => {
      const checkpoint = await sandbox.checkpoints.get(id);
      return is(checkpoint) ? checkpoint : undefined;
    },
    MINUTE,
  );
}

/** Minutes in all, so for `./banata test --all`. */
describe.runIf(process.env['BANATA_TEST_ALL'] === '1')('an S3 store that is killed with -9', () => {
  beforeAll(async () => {
    store = await S3Store.start();
    // Copies leave the server's disk once they are in the object store, so that restores come from there.
    const local = { BANATA_WARM: '0', BANATA_CHECKPOINT_LOCAL_HOURS: '0' };
    installation = await Installation.start({ ...store.env, ...local });
    banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
    sandbox = await banata.launch();
    await shell(sandbox, `head -c ${MIB}M /dev/urandom >/workspace/data.bin`);
  }, 3 * MINUTE);

  afterAll(async () => {
    process.stdout.write(`${['  store killed      after   then', ...table].join('\n')}\n`);
    await installation?.remove();
    await store?.remove();
  }, 2 * MINUTE);

  test.each(MOMENTS_MS)(
    '%i ms into an upload: the checkpoint waits with a reason, and is stored whole',
    { timeout: 3 * MINUTE },
    async (ms) => {
      const sum = await shell(sandbox, `echo ${ms} >/workspace/round; ${SUM}`);
      const { id } = await sandbox.checkpoint();
      await seen('the upload to begin', id, ({ state }) => state !== 'local');
      await sleep(ms);
      await store.kill();
      const waiting = await seen(
        'the end of the try',
        id,
        ({ state, reason }) => state === 'stored' || reason !== null,
      );
      expect(['local', 'uploading', 'stored']).toContain(waiting.state);
      if (waiting.state !== 'stored') {
        expect((await sandbox.getArtifacts({ kind: 'checkpoint' })).data).toEqual([]);
        // What is on the server's disk can be had without the store.
        await using early = await sandbox.fork({ checkpointId: id });
        expect(await shell(early, SUM)).toBe(sum);
      }
      await store.startAgain();
      const stored = await seen('the upload', id, ({ state }) => state === 'stored');
      expect(stored.reason).toBeNull();

      const { data } = await sandbox.getArtifacts({ kind: 'checkpoint' });
      expect(data).toMatchObject([{ size: stored.storedSize, sha256: stored.sha256, state: 'stored' }]);
      const key = data[0]?.key ?? '';
      const { url } = await sandbox.getArtifactDownloadUrl(key);
      expect(url.startsWith(store.env['BANATA_S3_ENDPOINT'] ?? '-')).toBe(true);
      const content = await sandbox.downloadArtifact(key);
      expect(createHash('sha256').update(content).digest('hex')).toBe(stored.sha256);
      await using copy = await sandbox.fork({ checkpointId: id });
      expect(await shell(copy, SUM)).toBe(sum);
      table.push(
        `  ${'during an upload'.padEnd(17)} ${`${ms} ms`.padStart(6)}   ${waiting.state} ("${waiting.reason}"), then stored, ${stored.storedSize} bytes, sums equal`,
      );
      await sandbox.checkpoints.delete(id);
      expect((await sandbox.getArtifacts({ kind: 'checkpoint' })).data).toEqual([]);
    },
  );

  test(
    'before a stored checkpoint is restored: the answer says so, and the sandbox goes on',
    async () => {
      const sum = await shell(sandbox, SUM);
      const { id } = await sandbox.checkpoint();
      await seen('the upload', id, ({ state }) => state === 'stored');
      // Its copy on the server's disk goes within the keeper's next round.
      await sleep(7_000);
      await store.kill();
      const once = new BanataSandbox({
        apiKey: await installation.apiKey(),
        baseUrl: installation.url,
        retry: { maxRetries: 0 },
      });
      const same = await once.connect(sandbox.id);
      await expect(same.restoreCheckpoint(id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(await shell(sandbox, SUM)).toBe(sum);
      await store.startAgain();
      await shell(sandbox, 'echo changed >/workspace/round');
      await sandbox.restoreCheckpoint(id);
      expect(await shell(sandbox, SUM)).toBe(sum);
    },
    2 * MINUTE,
  );
});

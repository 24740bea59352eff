import { BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Installation } from './support/installation.ts';
import { until } from './support/until.ts';

const MINUTE = 60_000;
/** Contents, names, modes and owners of what a checkpoint must bring back. */
const SUM =
  'cd /; find workspace etc/added opt/own home/user/notes -printf "%p %y %m %u %l\\n" 2>&1 | sort; sudo sha256sum workspace/*.bin etc/added';

/** gVisor's half, and packing there, belongs to `./banata test --all`. */
const everything = process.env['BANATA_TEST_ALL'] === '1';
const KINDS = [
  { method: 'auto', isolation: 'container' },
  { method: 'archive', isolation: 'container' },
  ...(everything
    ? [
        { method: 'auto', isolation: 'gvisor' },
        { method: 'archive', isolation: 'gvisor' },
      ]
    : []),
];

let installation: Installation;
let banata: BanataSandbox;

async function shell(sandbox: Sandbox, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await sandbox.exec(command);
  if (exitCode !== 0) throw new Error(`"${command}" ended with ${exitCode}: ${stderr}`);
  return stdout.trim();
}

async function fill(sandbox: Sandbox): Promise<string> {
  await shell(
    sandbox,
    'head -c 3000000 /dev/urandom >/workspace/data.bin; ln -s data.bin /workspace/link; mkdir -p ~/notes && echo hi >~/notes/a;' +
      'echo system | sudo tee /etc/added >/dev/null; sudo mkdir /opt/own; sudo rm /etc/debian_version',
  );
  return shell(sandbox, SUM);
}

async function statuses(sandbox: Sandbox): Promise<string[]> {
  const names: string[] = [];
  const stop = AbortSignal.timeout(1_500);
  try {
    for await (const { type } of sandbox.events({ signal: stop })) names.push(type);
  } catch {
    // The stream goes on for as long as the sandbox does.
  }
  return names;
}

describe.each(KINDS)('checkpoints: $method, $isolation', { timeout: 3 * MINUTE }, ({ method, isolation }) => {
  const packed = method === 'archive';

  beforeAll(async () => {
    installation = await Installation.start({
      BANATA_WARM: '0',
      BANATA_ISOLATION: isolation,
      BANATA_CHECKPOINTS_PER_SANDBOX: '3',
      BANATA_CHECKPOINT_METHOD: method,
    });
    banata = new BanataSandbox({ apiKey: await installation.apiKey(), baseUrl: installation.url });
  }, 180_000);

  afterAll(async () => {
    await installation?.remove();
  }, 120_000);

  test('a sandbox goes back to a checkpoint, and another one begins with it, also out of the object store', async () => {
    await using sandbox = await banata.launch();
    const sum = await fill(sandbox);
    const made = await sandbox.checkpoint({ name: 'clean', metadata: { step: '1' } });
    expect(made).toMatchObject({ name: 'clean', metadata: { step: '1' }, sandboxId: sandbox.id });
    expect(made.size).toBeGreaterThan(3_000_000);

    await shell(
      sandbox,
      'rm -rf /workspace/* ~/notes; sudo rm /etc/added; echo later >/workspace/later; (sleep 1000 &)',
    );
    const session = await sandbox.restoreCheckpoint(made.id);
    expect(session.status).toBe('ready');
    expect(await shell(sandbox, SUM)).toBe(sum);
    expect(await shell(sandbox, 'pgrep -c sleep || true')).toBe('0');
    // What packs its own files knows nothing of those that are gone.
    const removed = await shell(sandbox, 'ls /etc/debian_version 2>&1 || true');
    expect(removed).toMatch(packed ? /^\/etc\/debian_version$/ : /No such/);

    await using copy = await sandbox.fork({ checkpointId: made.id });
    expect(await shell(copy, SUM)).toBe(sum);
    await shell(copy, 'echo mine >/workspace/data.bin');
    expect(await shell(sandbox, SUM)).toBe(sum);

    const stored = await until('the upload', async () => {
      const now = await sandbox.checkpoints.get(made.id);
      return now.state === 'stored' ? now : undefined;
    });
    expect(stored).toMatchObject({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string, reason: null });
    expect(await statuses(sandbox)).toEqual(
      expect.arrayContaining([
        'sandbox.checkpoint.created',
        'sandbox.checkpoint.restoring',
        'sandbox.checkpoint.restored',
        'sandbox.checkpoint.stored',
      ]),
    );
    expect((await sandbox.listCheckpoints()).map(({ id }) => id)).toEqual([made.id]);

    const { data } = await sandbox.getArtifacts({ kind: 'checkpoint' });
    const key = `checkpoints/${made.id}.tar.zst`;
    const { storedSize: size, sha256 } = stored;
    expect(data).toMatchObject([{ key, size, sha256, contentType: 'application/zstd', state: 'stored' }]);
    const content = await sandbox.downloadArtifact(key);
    expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    await expect(sandbox.deleteArtifact(key)).rejects.toMatchObject({ code: 'CONFLICT' });

    await sandbox.checkpoints.delete(made.id);
    expect((await sandbox.getArtifacts({ kind: 'checkpoint' })).data).toEqual([]);
    await expect(sandbox.downloadArtifact(key)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    await expect(sandbox.restoreCheckpoint(made.id)).rejects.toMatchObject({ code: 'CHECKPOINT_NOT_FOUND' });
    expect(await shell(copy, 'cat /workspace/data.bin')).toBe('mine');
  });

  test('"ephemeral" by name switches checkpoints off; the oldest goes when there is one too many', async () => {
    await using plain = await banata.launch({ capabilities: { storage: { workspace: 'ephemeral' } } });
    await expect(plain.checkpoint()).rejects.toMatchObject({ status: 409, code: 'CHECKPOINTS_DISABLED' });
    await using sandbox = await banata.launch({ capabilities: { storage: { workspace: 'checkpointed' } } });
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((name) => sandbox.checkpoint({ name })));
    expect(new Set(all.map(({ id }) => id)).size).toBe(4);
    await until('the oldest to go', async () =>
      (await sandbox.listCheckpoints()).length === 3 ? true : undefined,
    );
  });
});

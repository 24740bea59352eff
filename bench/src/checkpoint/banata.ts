import type { Sandbox } from '@banata-boxes/sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Installation } from '../banata-installation.ts';
import type { CheckpointScenario, Measured } from './scenario.ts';
import type { TREES } from './trees.ts';

/** The kernel writes out what is dirty within half a minute; this asks for it, and waits. */
const SETTLE_MS = 2_000;
const UPLOAD_LIMIT_MS = 10 * 60_000;

/** Create, restore and fork of one tree, as a client sees them, and the upload apart from that. */
export async function measureBanata(
  installation: Installation,
  tree: (typeof TREES)[number],
  { runs, signal, progress }: CheckpointScenario,
): Promise<Measured[]> {
  await using sandbox: Sandbox = await installation.client.launch({ signal });
  await mustRun(sandbox, tree.fill);
  const rows: Measured[] = [];
  const fresh = await timed(() => sandbox.checkpoint({ name: 'fresh' }));
  const upload = await waitForUpload(sandbox, fresh.result.id, signal);
  await mustRun(sandbox, 'sync');
  await sleep(SETTLE_MS, undefined, { signal });
  for (let index = -1; index < runs; index += 1) {
    progress(`banata ${tree.name} ${Math.max(0, index + 1)}/${runs}`);
    const create = await timed(() => sandbox.checkpoint({ name: `run ${index}` }));
    await waitForUpload(sandbox, create.result.id, signal);
    const restore = await timed(() => sandbox.restoreCheckpoint(create.result.id));
    const fork = await timed(() => sandbox.fork({ checkpointId: create.result.id }));
    await mustRun(fork.result, 'test -n "$(ls /workspace)"');
    await fork.result.kill();
    await sandbox.checkpoints.delete(create.result.id);
    // The first run fills caches and is not counted.
    if (index >= 0) rows.push({ create: create.ms, restore: restore.ms, fork: fork.ms });
  }
  const first = { createAfterWriting: fresh.ms, upload };
  return rows.map((row, index) => (index === 0 ? { ...row, ...first } : row));
}

async function waitForUpload(sandbox: Sandbox, id: string, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  while ((await sandbox.checkpoints.get(id)).state !== 'stored') {
    if (performance.now() - began > UPLOAD_LIMIT_MS) throw new Error('the upload takes too long');
    await sleep(20, undefined, { signal });
  }
  return performance.now() - began;
}

async function mustRun(sandbox: Sandbox, command: string): Promise<void> {
  const { exitCode, stderr } = await sandbox.exec(command, undefined, { timeout: 300_000 });
  if (exitCode !== 0) throw new Error(`"${command}" ended with ${exitCode}: ${stderr}`);
}

export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const began = performance.now();
  const result = await work();
  return { ms: performance.now() - began, result };
}

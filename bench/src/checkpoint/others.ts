import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DockerEngine } from '../docker-engine.ts';
import { run } from '../run.ts';
import { timed } from './banata.ts';
import type { CheckpointScenario, Measured } from './scenario.ts';
import type { TREES } from './trees.ts';

const LIMIT_MS = 10 * 60_000;

/** `docker commit` of a container with the tree in its writable layer, and `docker run` of what that made. */
export async function measureDocker(
  engine: DockerEngine,
  image: string,
  { tree, scenario }: { tree: (typeof TREES)[number]; scenario: CheckpointScenario },
): Promise<Measured[]> {
  const { runs, progress } = scenario;
  const id = (await engine.docker(['run', '--detach', '--init', image, 'sleep', 'infinity'])).trim();
  await engine.docker(['exec', id, 'sh', '-c', `mkdir -p /workspace; ${tree.fill}; sync`]);
  const rows: Measured[] = [];
  for (let index = 0; index < runs; index += 1) {
    progress(`docker ${tree.name} ${index + 1}/${runs}`);
    const made = `${image}-checkpoint-${index}`;
    const create = await timed(() => engine.docker(['commit', id, made]));
    const fork = await timed(() => engine.docker(['run', '--detach', '--init', made, 'sleep', 'infinity']));
    await engine.docker(['rm', '--force', fork.result.trim()]);
    await engine.docker(['rmi', '--force', made]);
    rows.push({ create: create.ms, fork: fork.ms });
  }
  await engine.docker(['rm', '--force', id]);
  return rows;
}

/** A tar compressed with zstd of the same tree, on the host's own file system. */
export async function measureArchive(
  tree: (typeof TREES)[number],
  { runs, signal, progress }: CheckpointScenario,
): Promise<Measured[]> {
  const folder = await mkdtemp('/var/lib/banata-bench-tree-');
  const options = { signal, timeoutMs: LIMIT_MS };
  try {
    await run('mkdir', [join(folder, 'workspace')], options);
    const fill = tree.fill.replaceAll('/workspace', join(folder, 'workspace'));
    await run('sh', ['-c', `${fill}; sync`], options);
    const file = join(folder, 'tree.tar.zst');
    const rows: Measured[] = [];
    for (let index = 0; index < runs; index += 1) {
      progress(`tar.zst ${tree.name} ${index + 1}/${runs}`);
      const pack = ['-C', folder, '--use-compress-program=zstd -q -1 -T0', '-cf', file, 'workspace'];
      const create = await timed(() => run('tar', pack, options));
      const target = join(folder, 'restored');
      await run('mkdir', [target], options);
      const unpack = ['-C', target, '--use-compress-program=zstd -q', '-xf', file];
      const restore = await timed(() => run('tar', unpack, options));
      await run('rm', ['-rf', target, file], options);
      rows.push({ create: create.ms, restore: restore.ms });
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

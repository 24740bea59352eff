import { cpus, loadavg, release } from 'node:os';
import { startInstallation } from '../banata-installation.ts';
import { importBase, type BaseImageOptions } from '../base-image.ts';
import { startDocker, type DockerEngine } from '../docker-engine.ts';
import { summarizeSteps, type Summary } from '../statistics.ts';
import { measureBanata } from './banata.ts';
import { measureArchive, measureDocker } from './others.ts';
import { TREES, type TreeName } from './trees.ts';

const IMAGE = 'banata-bench';

export interface CheckpointScenario extends BaseImageOptions {
  /** Checkpoints of each tree. */
  runs: number;
}

/** Milliseconds by step; what was measured once is in the first row only. */
export type Measured = Record<string, number>;

type Figures = Record<TreeName, Record<string, Summary>>;

export interface CheckpointReport {
  scenario: 'checkpoint';
  at: string;
  machine: { cpu: string; cores: number; kernel: string; node: string; loadBefore: number };
  banata: Figures;
  archive: Figures;
  docker: { version: string; trees: Figures } | { unavailable: string };
}

/** Measures checkpoints beside `docker commit` and a tar.zst of the same trees, in one run. */
export async function runCheckpointScenario(scenario: CheckpointScenario): Promise<CheckpointReport> {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? 0,
  };
  const banata = await ofBanata(scenario);
  const archive = await ofEach((tree) => measureArchive(tree, scenario));
  const docker = await ofDocker(scenario).catch((error: unknown) => {
    scenario.signal.throwIfAborted();
    return { unavailable: error instanceof Error ? error.message : String(error) };
  });
  return { scenario: 'checkpoint', at: new Date().toISOString(), machine, banata, archive, docker };
}

async function ofEach(measure: (tree: (typeof TREES)[number]) => Promise<Measured[]>): Promise<Figures> {
  const figures: Partial<Figures> = {};
  for (const tree of TREES) figures[tree.name] = summarizeSteps(await measure(tree));
  return figures as Figures;
}

async function ofBanata(scenario: CheckpointScenario): Promise<Figures> {
  await using installation = await startInstallation(scenario.root, { BANATA_WARM: '0' }, scenario.signal);
  return await ofEach((tree) => measureBanata(installation, tree, scenario));
}

async function ofDocker(scenario: CheckpointScenario): Promise<{ version: string; trees: Figures }> {
  await using engine: DockerEngine = await startDocker(scenario.signal);
  await importBase(engine, IMAGE, scenario);
  return {
    version: engine.version,
    trees: await ofEach((tree) => measureDocker(engine, IMAGE, { tree, scenario })),
  };
}

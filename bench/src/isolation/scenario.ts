import { join } from 'node:path';
import { imageLayers, type BaseImageOptions } from '../base-image.ts';
import { describeMachine, type Machine } from '../machine.ts';
import { run } from '../run.ts';

/** What something took in each isolation, medians in ms. */
export interface IsolationRow {
  name: string;
  container: number;
  gvisor: number;
}

export interface IsolationReport {
  scenario: 'isolation';
  machine: Machine;
  rounds: number;
  rows: IsolationRow[];
}

/** A round takes about half a minute for both. */
const MAX_ROUNDS = 20;
const LIMIT_MS = 40 * 60_000;

/** Measures boxes of the oci driver in both isolations, without a server. */
export async function runIsolationScenario(
  options: BaseImageOptions & { runs: number },
): Promise<IsolationReport> {
  const { root, runs, signal, progress } = options;
  const rounds = Math.min(runs, MAX_ROUNDS);
  const machine = describeMachine();
  const layers = await imageLayers(options);
  progress(`both isolations, ${rounds} rounds`);
  const program = join(root, 'packages/drivers/src/oci/testing/measure-isolations.ts');
  const reply = await run(process.execPath, [program, join(root, 'packages/boxd/dist/box'), String(rounds)], {
    env: { BANATA_TEST_IMAGE_LAYERS: layers.join(':') },
    signal,
    timeoutMs: LIMIT_MS,
  });
  const { rows } = JSON.parse(reply) as { rows: IsolationRow[] };
  return { scenario: 'isolation', machine, rounds, rows };
}

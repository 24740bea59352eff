import { rm } from 'node:fs/promises';
import type { BaseImageOptions } from '../base-image.ts';
import { describeMachine, type Machine } from '../machine.ts';
import { summarize, type Summary } from '../statistics.ts';
import { withBanata } from './banata.ts';
import { withDocker } from './docker.ts';
import { BIG_BYTES, makeWorkload, SMALL_FILES, type Workload } from './work.ts';

export interface FilesScenario extends BaseImageOptions {
  /** Rounds; each moves everything up and down once. */
  runs: number;
}

/** Ways to move the workload into a sandbox or container, and back to the host's disk. */
export interface Moves {
  bigUp: () => Promise<void>;
  bigDown: () => Promise<void>;
  smallUp: () => Promise<void>;
  smallDown: () => Promise<void>;
  /** Removes what was moved there. */
  forget: () => Promise<void>;
}

const STEPS = ['bigUp', 'bigDown', 'smallUp', 'smallDown'] as const;
type Step = (typeof STEPS)[number];
type Figures = Record<Step, Summary>;

export interface FilesReport {
  scenario: 'files';
  at: string;
  machine: Machine;
  bigBytes: number;
  smallFiles: number;
  banata: Figures;
  docker: (Figures & { version: string }) | { unavailable: string };
  /** How many times as long as Banata `docker cp` takes, by medians. */
  dockerOverBanata: Record<Step, number> | null;
}

/** Measures a large file and many small ones over HTTP, and with `docker cp`, in the same run. */
export async function runFilesScenario(scenario: FilesScenario): Promise<FilesReport> {
  const machine = describeMachine();
  await using work = await makeWorkload();
  const measure = (name: string) => (moves: Moves) => measureMoves(name, moves, work, scenario);
  const banata = await withBanata(scenario, work, measure('banata'));
  const docker = await withDocker(scenario, work, measure('docker')).catch((error: unknown) => {
    scenario.signal.throwIfAborted();
    return { unavailable: error instanceof Error ? error.message : String(error) };
  });
  return {
    scenario: 'files',
    at: new Date().toISOString(),
    machine,
    bigBytes: BIG_BYTES,
    smallFiles: SMALL_FILES,
    banata,
    docker,
    dockerOverBanata: 'bigUp' in docker ? ratios(docker, banata) : null,
  };
}

async function measureMoves(
  name: string,
  moves: Moves,
  { back }: Workload,
  { runs, progress }: FilesScenario,
): Promise<Figures> {
  const times: Record<Step, number[]> = { bigUp: [], bigDown: [], smallUp: [], smallDown: [] };
  // The first round fills caches and is not counted.
  for (let round = -1; round < runs; round += 1) {
    progress(`${name}: round ${round + 1} of ${runs}`);
    for (const step of STEPS) {
      const began = performance.now();
      await moves[step]();
      if (round >= 0) times[step].push(performance.now() - began);
      await rm(back, { recursive: true, force: true });
    }
    await moves.forget();
  }
  const { bigUp, bigDown, smallUp, smallDown } = times;
  return {
    bigUp: summarize(bigUp),
    bigDown: summarize(bigDown),
    smallUp: summarize(smallUp),
    smallDown: summarize(smallDown),
  };
}

function ratios(docker: Figures, banata: Figures): Record<Step, number> {
  const ratio = (step: Step): number => Math.round((docker[step].median / banata[step].median) * 10) / 10;
  return {
    bigUp: ratio('bigUp'),
    bigDown: ratio('bigDown'),
    smallUp: ratio('smallUp'),
    smallDown: ratio('smallDown'),
  };
}

import { describeMachine, type Machine } from '../machine.ts';
import { type Summary, summarizeSteps } from '../statistics.ts';
import { measureBanata } from './banata.ts';
import { measureDocker } from './docker.ts';

export interface StartScenario {
  /** Folder of the checkout. */
  root: string;
  runs: number;
  signal: AbortSignal;
  progress: (note: string) => void;
}

/** Times of each run by step, ms, and where known what the server measured inside. */
export interface Measured {
  runs: Record<string, number>[];
  server: Record<string, number>[];
}

interface KindReport {
  steps: Record<string, Summary>;
  server: Record<string, Summary>;
  runs: Record<string, number>[];
}

export interface StartReport {
  scenario: 'start';
  at: string;
  machine: Machine;
  banata: { cold: KindReport; warm: KindReport };
  /** Null with a reason where Docker Engine cannot run. */
  docker: (KindReport & { version: string }) | { unavailable: string };
  /** How many times longer Docker took, by the medians of the totals. */
  dockerOverBanata: { cold: number; warm: number } | null;
}

/** Measures `create` → output of the first command: cold, warm, and through Docker Engine, one after the other. */
export async function runStartScenario(scenario: StartScenario): Promise<StartReport> {
  const machine = describeMachine();
  const cold = reportOf(await measureBanata('cold', scenario));
  const warm = reportOf(await measureBanata('warm', scenario));
  const docker = await dockerReport(scenario);
  return {
    scenario: 'start',
    at: new Date().toISOString(),
    machine,
    banata: { cold, warm },
    docker,
    dockerOverBanata: 'steps' in docker ? { cold: ratio(docker, cold), warm: ratio(docker, warm) } : null,
  };
}

function reportOf(measured: Measured): KindReport {
  return {
    steps: summarizeSteps(measured.runs),
    server: summarizeSteps(measured.server),
    runs: measured.runs,
  };
}

async function dockerReport(scenario: StartScenario): Promise<StartReport['docker']> {
  try {
    const measured = await measureDocker(scenario);
    return { ...reportOf(measured), version: measured.version };
  } catch (error) {
    scenario.signal.throwIfAborted();
    return { unavailable: error instanceof Error ? error.message : String(error) };
  }
}

function ratio(docker: KindReport, banata: KindReport): number {
  const share = (docker.steps['total']?.median ?? Number.NaN) / (banata.steps['total']?.median ?? Number.NaN);
  return Math.round(share * 10) / 10;
}

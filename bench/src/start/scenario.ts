import { describeMachine, type Machine } from '../machine.ts';
import { type Summary, summarizeSteps } from '../statistics.ts';
import { startInstallation } from '../banata-installation.ts';
import { measureBanata } from './banata.ts';
import { measureBrowser } from './browser.ts';
import { measureCrowd, type CrowdReport } from './crowd.ts';
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

interface CrowdSummary extends Omit<CrowdReport, 'runs'> {
  steps: Record<string, Summary>;
}

export interface StartReport {
  scenario: 'start';
  at: string;
  machine: Machine;
  banata: {
    cold: KindReport;
    warm: KindReport;
    staggered: CrowdSummary;
    burst: CrowdSummary;
    browserCold: KindReport;
    browserWarm: KindReport;
  };
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
  const crowds = await measureCrowds(scenario);
  const browserCold = reportOf(await measureBrowser('cold', scenario));
  const browserWarm = reportOf(await measureBrowser('warm', scenario));
  const docker = await dockerReport(scenario);
  return {
    scenario: 'start',
    at: new Date().toISOString(),
    machine,
    banata: { cold, warm, ...crowds, browserCold, browserWarm },
    docker,
    dockerOverBanata: 'steps' in docker ? { cold: ratio(docker, cold), warm: ratio(docker, warm) } : null,
  };
}

/** Two crowds after each other on the same host, so that the second would see what the first left. */
async function measureCrowds(
  scenario: StartScenario,
): Promise<Pick<StartReport['banata'], 'staggered' | 'burst'>> {
  await using installation = await startInstallation(
    scenario.root,
    { BANATA_WARM: '2', BANATA_WARM_BROWSER: '0', BANATA_WARM_AGENT: '0' },
    scenario.signal,
  );
  const staggered = await measureCrowd('staggered', installation, scenario);
  const burst = await measureCrowd('burst', installation, scenario);
  return { staggered: crowdSummary(staggered), burst: crowdSummary(burst) };
}

function crowdSummary({ runs, errors, traces }: CrowdReport): CrowdSummary {
  return { steps: summarizeSteps(runs), errors, traces };
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

import { runAgentScenario } from './agent/scenario.ts';
import { agentTable } from './agent/table.ts';
import { runBrowserScenario } from './browser/scenario.ts';
import { browserTable } from './browser/table.ts';
import { runCheckpointScenario } from './checkpoint/scenario.ts';
import { checkpointTable } from './checkpoint/table.ts';
import { runDocumentsScenario } from './documents/scenario.ts';
import { documentsTable } from './documents/table.ts';
import { runExecScenario } from './exec/scenario.ts';
import { execTable } from './exec/table.ts';
import { runFilesScenario } from './files/scenario.ts';
import { filesTable } from './files/table.ts';
import { runIsolationScenario } from './isolation/scenario.ts';
import { isolationTable } from './isolation/table.ts';
import { runStartScenario, type StartReport } from './start/scenario.ts';
import { startTable } from './start/table.ts';

/** What every scenario is told. */
export interface ScenarioOptions {
  root: string;
  /** Runs of each kind. */
  runs: number;
  signal: AbortSignal;
  progress: (note: string) => void;
}

interface Outcome {
  report: object;
  table: string;
  /** Something went wrong that is no figure. */
  fault: boolean;
}

type Scenario = (options: ScenarioOptions) => Promise<Outcome>;

function scenario<T extends object>(
  run: (options: ScenarioOptions) => Promise<T>,
  table: (report: T) => string,
  isFaulty: (report: T) => boolean = () => false,
): Scenario {
  return async (options) => {
    const report = await run(options);
    return { report, table: table(report), fault: isFaulty(report) };
  };
}

/** A create that fails, or a sandbox that is not new. */
function hasTroubledCrowd({ banata: { staggered, burst } }: StartReport): boolean {
  return [staggered, burst].some(({ errors, traces }) => errors.length + traces.length > 0);
}

/** All that can be measured, by the name `./banata bench` takes. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  start: scenario(runStartScenario, startTable, hasTroubledCrowd),
  exec: scenario(runExecScenario, execTable),
  files: scenario(runFilesScenario, filesTable),
  documents: scenario(runDocumentsScenario, documentsTable),
  checkpoint: scenario(runCheckpointScenario, checkpointTable),
  browser: scenario(runBrowserScenario, browserTable),
  isolation: scenario(runIsolationScenario, isolationTable),
  agent: scenario(runAgentScenario, agentTable),
};

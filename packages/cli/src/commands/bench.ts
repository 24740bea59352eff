import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { runProgram } from '../run-program.ts';
import { buildPackages } from '../setup/build-packages.ts';
import { prepareImage } from '../setup/prepare-image.ts';
import { withInstallation } from '../testing-run/with-installation.ts';

const SCENARIOS = ['start', 'exec', 'files', 'documents', 'checkpoint', 'browser', 'isolation', 'agent'];
const LIMIT_MS = 60 * 60_000;
/** The harness stops servers and engines that it started before it ends. */
const TIDY_LIMIT_MS = 90_000;
const MAX_RUNS = 1000;

/** Runs a scenario of bench/ in an installation of its own; the figures go to a file in bench/results. */
export async function bench(context: CliContext, scenario: string, options: { runs: string }): Promise<void> {
  const { output } = context;
  const runs = Number(options.runs);
  if (!SCENARIOS.includes(scenario)) {
    throw new CliError(`There is no scenario "${scenario}"`, `Scenarios: ${SCENARIOS.join(', ')}.`);
  }
  if (!Number.isInteger(runs) || runs < 1 || runs > MAX_RUNS) {
    throw new CliError(
      `--runs is "${options.runs}"; it must be a whole number from 1 to ${MAX_RUNS}`,
      'Leave it out for 20.',
    );
  }
  const { file, exitCode } = await runScenario(context, scenario, runs);
  if (exitCode !== 0) {
    throw new CliError(`The scenario failed with exit code ${exitCode}`, 'What it printed above says why.');
  }
  if (output.json) output.result({ file, ...(JSON.parse(await readFile(file, 'utf8')) as object) });
  else output.say(`The figures are in ${file}.`);
}

/** @returns the file with the figures, which is there when the exit code is 0. */
export async function runScenario(
  context: CliContext,
  scenario: string,
  runs: number,
): Promise<{ file: string; exitCode: number }> {
  const { root, signal } = context;
  await buildPackages(context);
  await prepareImage(context);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-');
  const file = join(root, 'bench/results', `${scenario}-${stamp}.json`);
  const { exitCode } = await withInstallation(context, 'bench', (env) =>
    runProgram(process.execPath, {
      args: [join(root, 'bench/src/main.ts'), scenario, '--runs', String(runs), '--output', file],
      env,
      signal,
      timeoutMs: LIMIT_MS,
      killAfterMs: TIDY_LIMIT_MS,
    }),
  );
  return { file, exitCode };
}

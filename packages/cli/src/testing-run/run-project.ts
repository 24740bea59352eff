import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CliContext } from '../context.ts';
import { runProgram } from '../run-program.ts';
import { countTests, type ReportCounts, type VitestReport } from './vitest-report.ts';

export interface PartResult extends ReportCounts {
  name: string;
  durationMs: number;
}

const LIMIT_MS = 40 * 60_000;

const LABEL_WIDTH = 11;

/**
 * Runs one vitest project. A test that fails is tried once more, as hundreds of them wait for real programs on a machine
 * that others use too; what needed it is told by name. Its output goes to stderr, each line with the project's name, as others may run
 * beside it.
 */
export async function runProject(
  context: CliContext,
  name: string,
  env: Record<string, string | undefined>,
): Promise<PartResult> {
  const began = performance.now();
  const reportFile = join(env['BANATA_TEST_FOLDER'] ?? '', `${name}.json`);
  context.output.say(`${name} tests begin`);
  const { exitCode } = await runProgram(process.execPath, {
    args: [
      join(context.root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--project',
      name,
      '--root',
      context.root,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      '--retry=1',
    ],
    cwd: context.root,
    env,
    signal: context.signal,
    timeoutMs: LIMIT_MS,
    onLine: (line) => context.output.say(`${name.padEnd(LABEL_WIDTH)} │ ${line}`),
  });
  const report = await readReport(reportFile);
  return { name, ...countTests(report, exitCode), durationMs: Math.round(performance.now() - began) };
}

async function readReport(path: string): Promise<VitestReport | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as VitestReport;
  } catch {
    // A run that died has left none, or half of one; it is counted as failed.
    return undefined;
  }
}

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

/** Runs one vitest project; its output goes to stderr. */
export async function runProject(
  context: CliContext,
  name: string,
  env: Record<string, string | undefined>,
): Promise<PartResult> {
  const began = performance.now();
  const reportFile = join(env['BANATA_TEST_FOLDER'] ?? '', `${name}.json`);
  context.output.say(`\n${name} tests`);
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
    ],
    cwd: context.root,
    env,
    signal: context.signal,
    timeoutMs: LIMIT_MS,
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

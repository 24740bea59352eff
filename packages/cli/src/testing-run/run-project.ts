import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CliContext } from '../context.ts';
import { runProgram } from '../run-program.ts';
import {
  countTests,
  failedFiles,
  withSecondTry,
  type ReportCounts,
  type VitestReport,
} from './vitest-report.ts';

export interface PartResult extends ReportCounts {
  name: string;
  durationMs: number;
}

const LIMIT_MS = 40 * 60_000;
/** More than these are no matter of a busy machine. */
const MAX_SECOND_TRIES = 5;

const LABEL_WIDTH = 11;

/** A vitest project to be run, and the environment of its tests. */
export interface ProjectOptions {
  project: string;
  env: Record<string, string | undefined>;
}

/** What came of one. */
export interface ProjectRun extends ProjectOptions {
  /** Undefined when it left none. */
  report: VitestReport | undefined;
  exitCode: number;
  durationMs: number;
}

/**
 * Runs one vitest project. Its output goes to stderr, each line with the project's name, as others may run beside it.
 */
export function runProject(context: CliContext, options: ProjectOptions): Promise<ProjectRun> {
  return runFiles(context, options, []);
}

/**
 * Runs files in which something failed once more, with nothing beside them: hundreds of tests wait for real programs on
 * a machine that others use too. What needed it is told by name. Nothing happens where more than five files failed.
 */
export async function trySecondTime(context: CliContext, run: ProjectRun): Promise<ProjectRun> {
  const files = failedFiles(run.report);
  if (!run.report || files.length === 0 || files.length > MAX_SECOND_TRIES) return run;
  const again = await runFiles(context, run, files);
  if (!again.report) return run;
  return {
    ...again,
    report: withSecondTry(run.report, again.report),
    durationMs: run.durationMs + again.durationMs,
  };
}

export function toPart(name: string, { report, exitCode, durationMs }: ProjectRun): PartResult {
  return { name, ...countTests(report, exitCode), durationMs };
}

async function runFiles(
  context: CliContext,
  { project, env }: ProjectOptions,
  files: readonly string[],
): Promise<ProjectRun> {
  const began = performance.now();
  const reportFile = join(env['BANATA_TEST_FOLDER'] ?? '', `${project}.json`);
  context.output.say(files.length === 0 ? `${project} tests begin` : `${project} tests, a second try`);
  await rm(reportFile, { force: true });
  const { exitCode } = await runProgram(process.execPath, {
    args: [
      join(context.root, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...files,
      '--project',
      project,
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
    onLine: (line) => context.output.say(`${project.padEnd(LABEL_WIDTH)} │ ${line}`),
  });
  const report = await readReport(reportFile);
  return { project, env, report, exitCode, durationMs: Math.round(performance.now() - began) };
}

async function readReport(path: string): Promise<VitestReport | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as VitestReport;
  } catch {
    // A run that died has left none, or half of one; it is counted as failed.
    return undefined;
  }
}

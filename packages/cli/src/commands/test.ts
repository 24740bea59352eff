import type { CliContext } from '../context.ts';
import { formatMs } from '../output.ts';
import { runProgram } from '../run-program.ts';
import { buildPackages } from '../setup/build-packages.ts';
import { prepareImage } from '../setup/prepare-image.ts';
import {
  type PartResult,
  type ProjectRun,
  runProject,
  toPart,
  trySecondTime,
} from '../testing-run/run-project.ts';
import { runScenario } from './bench.ts';
import type { FailedTest } from '../testing-run/vitest-report.ts';
import { withInstallation } from '../testing-run/with-installation.ts';

export interface TestOptions {
  all?: boolean;
}

const ISOLATIONS = ['container', 'gvisor'] as const;
const CHECK_LIMIT_MS = 10 * 60_000;
const BENCH_RUNS = 10;
/**
 * What a run consists of: stages one after the other; in a stage the lanes run side by side, since most tests wait most
 * of the time, and the parts of a lane one after the other. A part with an isolation runs in that one, the others in the
 * default.
 */
const STAGES: TestPart[][][] = [
  [
    [{ project: 'integration' }],
    [{ project: 'unit' }, { project: 'database' }, { project: 'host' }],
    [{ project: 'e2e' }],
  ],
];
/** The tests of security measure how one sandbox slows another down, so nothing runs beside them. */
const ALL_STAGES: TestPart[][][] = [
  [
    [{ project: 'unit' }, { project: 'database' }, { project: 'integration' }, { project: 'host' }],
    ISOLATIONS.map((isolation) => ({ project: 'e2e', isolation })),
  ],
  [ISOLATIONS.map((isolation) => ({ project: 'security', isolation }))],
];

interface TestPart {
  project: string;
  isolation?: (typeof ISOLATIONS)[number];
}

/** Runs all tests in an installation of their own, which is gone afterwards, and ends with `N passed, N failed`. */
export async function test(context: CliContext, options: TestOptions): Promise<void> {
  const began = performance.now();
  const { output } = context;
  const parts: PartResult[] = [await runCheck(context)];
  await buildPackages(context);
  await prepareImage(context);
  await withInstallation(context, 'test', async (env) => {
    const given = { ...env, ...(options.all ? { BANATA_TEST_ALL: '1' } : {}) };
    for (const lanes of options.all ? ALL_STAGES : STAGES) {
      parts.push(...(await runLanes(context, lanes, given)));
    }
  });
  if (options.all) parts.push(await runBench(context));
  const durationMs = Math.round(performance.now() - began);
  const passed = sum(parts, 'passed');
  const failed = sum(parts, 'failed');
  const skipped = sum(parts, 'skipped');
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
  output.say();
  for (const part of parts) output.say(partLine(part));
  output.say(`Whole run: ${formatMs(durationMs)}${skipped === 0 ? '' : `; ${skipped} skipped`}`);
  if (output.json) output.result({ passed, failed, skipped, durationMs, parts });
  else output.say(`${passed} passed, ${failed} failed`);
}

/**
 * Ends when all lanes have ended, also after a failure: what they use is taken away then. What failed is tried once
 * more when nothing else runs.
 */
async function runLanes(
  context: CliContext,
  lanes: readonly TestPart[][],
  env: Record<string, string | undefined>,
): Promise<PartResult[]> {
  const outcomes = await Promise.allSettled(
    lanes.map(async (lane) => {
      const runs: { part: TestPart; run: ProjectRun }[] = [];
      for (const part of lane) runs.push({ part, run: await runPart(context, part, env) });
      return runs;
    }),
  );
  const runs = outcomes.flatMap((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
  const results: PartResult[] = [];
  for (const { part, run } of runs) {
    results.push(toPart(nameOf(part), await trySecondTime(context, run)));
  }
  return results;
}

function runPart(
  context: CliContext,
  { project, isolation }: TestPart,
  env: Record<string, string | undefined>,
): Promise<ProjectRun> {
  const given = isolation === undefined ? env : { ...env, BANATA_TEST_ISOLATION: isolation };
  return runProject(context, { project, env: given });
}

function nameOf({ project, isolation }: TestPart): string {
  return isolation === undefined ? project : `${project} (${isolation})`;
}

async function runCheck(context: CliContext): Promise<PartResult> {
  context.output.say('check: format, lint, types, unused code, imports');
  return runAsOneTest('check', 'npm run check', async () => {
    const { exitCode } = await runProgram('npm', {
      args: ['run', '--silent', 'check'],
      cwd: context.root,
      env: context.env,
      signal: context.signal,
      timeoutMs: CHECK_LIMIT_MS,
    });
    return exitCode === 0;
  });
}

async function runBench(context: CliContext): Promise<PartResult> {
  context.output.say('\nbenchmark: start');
  return runAsOneTest('bench', './banata bench start', async () => {
    const { exitCode } = await runScenario(context, 'start', BENCH_RUNS);
    return exitCode === 0;
  });
}

async function runAsOneTest(name: string, title: string, work: () => Promise<boolean>): Promise<PartResult> {
  const began = performance.now();
  const ok = await work();
  const durationMs = Math.round(performance.now() - began);
  return {
    name,
    passed: ok ? 1 : 0,
    failed: ok ? 0 : 1,
    skipped: 0,
    failures: ok ? [] : [{ name: title, message: '' }],
    retried: [],
    durationMs,
  };
}

function partLine(part: PartResult): string {
  const counts = `${String(part.passed).padStart(4)} passed, ${part.failed} failed`;
  const failures = part.failures.map((test) => `\n    ✗ ${told(test)}`).join('');
  const retried = part.retried.map((test) => `\n    ↻ passed on a second try: ${told(test)}`).join('');
  return `  ${part.name.padEnd(20)} ${counts.padEnd(24)} ${formatMs(part.durationMs)}${failures}${retried}`;
}

function told({ name, message }: FailedTest): string {
  return message === '' ? name : `${name}\n${message.replaceAll(/^/gm, '        ')}`;
}

function sum(parts: readonly PartResult[], field: 'passed' | 'failed' | 'skipped'): number {
  return parts.reduce((total, part) => total + part[field], 0);
}

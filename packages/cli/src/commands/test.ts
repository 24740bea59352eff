import type { CliContext } from '../context.ts';
import { formatMs } from '../output.ts';
import { runProgram } from '../run-program.ts';
import { buildPackages } from '../setup/build-packages.ts';
import { prepareImage } from '../setup/prepare-image.ts';
import { type PartResult, runProject } from '../testing-run/run-project.ts';
import { runScenario } from './bench.ts';
import { withInstallation } from '../testing-run/with-installation.ts';

export interface TestOptions {
  all?: boolean;
}

const CHECK_LIMIT_MS = 10 * 60_000;
const BENCH_RUNS = 10;
/** What a run consists of. A part with an isolation runs in that one, the others in the default. */
const PARTS: TestPart[] = [{ project: 'unit' }, { project: 'integration' }, { project: 'e2e' }];
const ALL_PARTS: TestPart[] = [
  { project: 'unit' },
  { project: 'integration' },
  ...(['container', 'gvisor'] as const).flatMap((isolation) => [
    { project: 'e2e', isolation },
    { project: 'security', isolation },
  ]),
];

interface TestPart {
  project: string;
  isolation?: 'container' | 'gvisor';
}

/** Runs all tests in an installation of their own, which is gone afterwards, and ends with `N passed, N failed`. */
export async function test(context: CliContext, options: TestOptions): Promise<void> {
  const began = performance.now();
  const { output } = context;
  const parts: PartResult[] = [await runCheck(context)];
  await buildPackages(context);
  await prepareImage(context);
  await withInstallation(context, 'test', async (env) => {
    for (const { project, isolation } of options.all ? ALL_PARTS : PARTS) {
      const part = await runProject(context, project, {
        ...env,
        ...(options.all ? { BANATA_TEST_ALL: '1' } : {}),
        ...(isolation === undefined ? {} : { BANATA_TEST_ISOLATION: isolation }),
      });
      parts.push(isolation === undefined ? part : { ...part, name: `${project} (${isolation})` });
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
    failures: ok ? [] : [title],
    durationMs,
  };
}

function partLine(part: PartResult): string {
  const counts = `${String(part.passed).padStart(4)} passed, ${part.failed} failed`;
  const failures = part.failures.map((name) => `\n    ✗ ${name}`).join('');
  return `  ${part.name.padEnd(20)} ${counts.padEnd(24)} ${formatMs(part.durationMs)}${failures}`;
}

function sum(parts: readonly PartResult[], field: 'passed' | 'failed' | 'skipped'): number {
  return parts.reduce((total, part) => total + part[field], 0);
}

import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError } from '../cli-error.ts';
import type { CliContext } from '../context.ts';
import { runProgram } from '../run-program.ts';
import { takeLock } from './lock.ts';
import { sourceHash } from './source-hash.ts';

interface Build {
  label: string;
  /** Folder of the workspace, below packages/. */
  workspace: string;
  /** Files and folders the result depends on. */
  sources: readonly string[];
  /** Exists when the build has been done. */
  output: string;
}

const BUILDS: readonly Build[] = [
  {
    label: 'box daemon',
    workspace: 'boxd',
    sources: ['packages/boxd', 'packages/protocol', 'package-lock.json'],
    output: 'packages/boxd/dist/box',
  },
  {
    label: 'dashboard and viewer',
    workspace: 'web',
    sources: ['packages/web', 'packages/sdk/src', 'packages/protocol/src', 'package-lock.json'],
    output: 'packages/web/dist/index.html',
  },
];

const BUILD_LIMIT_MS = 5 * 60_000;
const LOCK_WAIT_MS = 10 * 60_000;

/** Builds what the server serves and the boxes run, where its sources are not those of the last build. */
export async function buildPackages(context: CliContext): Promise<void> {
  const outdated = await outdatedBuilds(context);
  if (outdated.length === 0) return;
  const folder = join(context.root, '.banata');
  await using _lock = await takeLock(join(folder, 'build.lock'), {
    waitMs: LOCK_WAIT_MS,
    signal: context.signal,
  });
  // Another process may have built while this one waited.
  for (const build of await outdatedBuilds(context)) {
    await context.output.step(`Building the ${build.label}`, () => runBuild(context, build));
  }
}

async function outdatedBuilds(context: CliContext): Promise<Build[]> {
  const states = await Promise.all(
    BUILDS.map(async (build) => {
      const [wanted, stamp, exists] = await Promise.all([
        sourceHash(context.root, build.sources),
        readFile(stampPath(context, build), 'utf8').catch(() => ''),
        access(join(context.root, build.output)).then(
          () => true,
          () => false,
        ),
      ]);
      return exists && stamp === wanted;
    }),
  );
  return BUILDS.filter((_, index) => !states[index]);
}

async function runBuild(context: CliContext, build: Build): Promise<void> {
  const stamp = stampPath(context, build);
  const hash = await sourceHash(context.root, build.sources);
  await rm(stamp, { force: true });
  const { exitCode, tail } = await runProgram('npm', {
    args: ['run', 'build'],
    // Not with --workspace: npm 9 answers 0 then, whatever happened.
    cwd: join(context.root, 'packages', build.workspace),
    env: context.env,
    signal: context.signal,
    timeoutMs: BUILD_LIMIT_MS,
    onLine: () => undefined,
  });
  if (exitCode !== 0) {
    throw new CliError(
      `Building the ${build.label} failed:\n${tail.join('\n')}`,
      `Run it alone to see all of its output: cd packages/${build.workspace} && npm run build`,
    );
  }
  await mkdir(join(context.root, '.banata'), { recursive: true });
  await writeFile(stamp, hash);
}

function stampPath(context: CliContext, build: Build): string {
  return join(context.root, '.banata', `build-${build.workspace}`);
}

import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { DEBIAN_SUITE } from '../description.ts';
import { ImageError } from '../image-error.ts';
import { runTool } from '../run-tool.ts';
import { makeNpmPayload, makeTrustPayload } from './make-payload.ts';
import { type ImagePlan, type PlannedStage, STAGE_SCRIPT } from './plan-image.ts';
import { parseProgressLine, type ProgressReporter } from './progress.ts';

interface StageBuild {
  plan: ImagePlan;
  stage: PlannedStage;
  /** Root folders of the stages below, top first. */
  below: readonly string[];
  imageDir: string;
  reporter: ProgressReporter;
  signal: AbortSignal | undefined;
}

const STAGE_TIMEOUT_MS = 45 * 60_000;
const LOG_TAIL_LINES = 15;

/** Arguments of unshare: whatever the build mounts and starts ends with it, even when it is killed. */
const OWN_NAMESPACES = '--mount --pid --fork --kill-child --propagation private'.split(' ');

/** Folder below the image cache for builds under way. What lies there while the lock is free is of no use. */
export const WORK_DIR = 'tmp';

/**
 * Builds one stage and moves it into its place when it is whole.
 * @throws ImageError with the end of the build's log.
 */
export async function buildStage(build: StageBuild): Promise<void> {
  const { stage, imageDir } = build;
  const name = `${stage.description.name}-${stage.hash}`;
  const work = join(imageDir, WORK_DIR, `${name}-${process.pid}-${randomBytes(4).toString('hex')}`);
  const logFile = join(imageDir, 'logs', `${name}.log`);
  await mkdir(work, { recursive: true });
  await mkdir(dirname(logFile), { recursive: true });
  await writeFile(logFile, '');
  try {
    const payload = await makePayload(build, work, logFile);
    await runStageScript(build, { work, logFile, payload });
    await removeTree(join(work, 'npm'), build.signal);
    await removeTree(join(work, 'payload'), build.signal);
    const about = { stage: stage.description.name, hash: stage.hash, builtAt: new Date().toISOString() };
    await writeFile(join(work, 'layer.json'), `${JSON.stringify(about)}\n`, { flush: true });
    await mkdir(dirname(stage.folder), { recursive: true });
    await rename(work, stage.folder);
  } catch (error) {
    // What cannot be removed now is removed by the next build; the reason of the failure matters more.
    await rm(work, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }).catch(() => undefined);
    throw error instanceof ImageError && error.code === 'BUILD_FAILED'
      ? await withLog(error, build, logFile)
      : error;
  }
}

/** Removes a folder with a program of its own: Node would need seconds for a tree of 100,000 files. */
export async function removeTree(path: string, signal: AbortSignal | undefined): Promise<void> {
  const args = ['-rf', '--one-file-system', path];
  const code = await runTool('rm', { args, stdio: 'ignore', signal, timeoutMs: 5 * 60_000 });
  if (code !== 0) throw new ImageError('BUILD_FAILED', `Cannot remove ${path} (rm ended with ${code}).`);
}

function makePayload(build: StageBuild, work: string, logFile: string): Promise<string | undefined> {
  const { plan, stage, below, signal } = build;
  if (stage.holdsTrust && plan.trust) return makeTrustPayload(work, plan.trust, below);
  if (stage.sources.npm) build.reporter.report({ message: 'fetching packages from npm' });
  return makeNpmPayload({ stage, work, logFile, signal });
}

interface StageFolders {
  work: string;
  logFile: string;
  payload: string | undefined;
}

async function runStageScript(build: StageBuild, folders: StageFolders): Promise<void> {
  const { stage } = build;
  const variables = {
    STAGE_WORK: folders.work,
    STAGE_LOWER: build.below.join(':'),
    STAGE_PACKAGES: stage.description.packages.join(' '),
    STAGE_FILES: stage.sources.files ?? '',
    STAGE_PAYLOAD: folders.payload ?? '',
    STAGE_SETUP: stage.sources.setup ?? '',
    STAGE_SUITE: DEBIAN_SUITE,
    STAGE_MIRRORS: build.plan.mirrors.join('\n'),
    STAGE_DOWNLOADS: join(build.imageDir, 'downloads'),
  };
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const log = await open(folders.logFile, 'a');
  try {
    const code = await runTool('unshare', {
      args: [...OWN_NAMESPACES, 'env', ...settings, 'bash', STAGE_SCRIPT],
      stdio: ['ignore', log.fd, log.fd, 'pipe'],
      signal: build.signal,
      timeoutMs: STAGE_TIMEOUT_MS,
      lineDescriptor: 3,
      onLine: (line) => {
        const step = parseProgressLine(line);
        if (step) build.reporter.report(step);
      },
    });
    if (code !== 0) throw new ImageError('BUILD_FAILED', `The build script ended with ${code}.`);
  } finally {
    await log.close();
  }
}

async function withLog(error: ImageError, build: StageBuild, logFile: string): Promise<ImageError> {
  const lines = (await readFile(logFile, 'utf8').catch(() => '')).trimEnd().split('\n');
  const tail = lines.slice(-LOG_TAIL_LINES).map((line) => `  ${line.slice(0, 300)}`);
  return new ImageError(
    'BUILD_FAILED',
    `The stage "${build.stage.description.name}" of the sandbox image could not be built: ${error.message}\n` +
      `The last lines of ${logFile}:\n${tail.join('\n')}\n` +
      'Stages built before it are kept. If a mirror or registry was not reachable, check the network and try again.',
    { cause: error },
  );
}

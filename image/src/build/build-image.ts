import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageDescription, SANDBOX_IMAGE } from '../description.ts';
import { takeBuildLock } from './build-lock.ts';
import { checkHost, checkRoom } from './check-host.ts';
import { buildStage, removeTree, WORK_DIR } from './build-stage.ts';
import { type ImagePlan, type ImageSettings, type PlannedStage, planImage } from './plan-image.ts';
import { type ImageProgress, ProgressReporter } from './progress.ts';

/** A built image. */
export interface SandboxImage {
  /** Identity of the content: 16 hex digits. */
  id: string;
  /** Root folders of the layers, top first: an overlay's lowerdir. All are always mounted together. */
  layers: string[];
  /** The same layers with their names, lowest first. */
  stages: { name: string; hash: string; rootfs: string }[];
}

export interface BuildImageOptions extends ImageSettings {
  onProgress?: (event: ImageProgress) => void;
  signal?: AbortSignal;
}

/** Longest wait for another installation that builds at the same time. */
const LOCK_WAIT_MS = 60 * 60_000;

/**
 * The image of these settings, if it has been built.
 * @throws ImageError `SETTING_INVALID`.
 */
export async function findImage(
  settings: ImageSettings,
  image: ImageDescription = SANDBOX_IMAGE,
): Promise<SandboxImage | undefined> {
  const plan = await planImage(settings, image);
  return (await missingStages(plan)).length === 0 ? describe(plan) : undefined;
}

/**
 * Builds the sandbox image, or the stages of it that are not in the cache; returns at once when all are. Safe to
 * call from several processes at a time, and after a build that was interrupted.
 * @throws ImageError `SETTING_INVALID`, `HOST_UNSUITABLE`, `BUILD_LOCKED`, `BUILD_FAILED` or `ABORTED`.
 */
export async function buildImage(
  options: BuildImageOptions,
  image: ImageDescription = SANDBOX_IMAGE,
): Promise<SandboxImage> {
  const plan = await planImage(options, image);
  if ((await missingStages(plan)).length === 0) return describe(plan);
  const imageDir = join(options.cacheDir, 'image');
  await checkHost(options.signal);
  await mkdir(imageDir, { recursive: true });
  await using _lock = await takeLock(imageDir, options);
  await removeLeftovers(imageDir, options.signal);
  const missing = await missingStages(plan);
  if (missing.length > 0) await checkRoom(imageDir);
  for (const stage of missing) {
    using reporter = new ProgressReporter(stage.description.name, options.onProgress ?? (() => undefined));
    reporter.report({ message: 'starting' });
    const below = plan.stages.slice(0, plan.stages.indexOf(stage)).map(rootOf).toReversed();
    await buildStage({ plan, stage, below, imageDir, reporter, signal: options.signal });
    reporter.report({ message: 'done', fraction: 1 });
  }
  return describe(plan);
}

async function takeLock(imageDir: string, options: BuildImageOptions): Promise<AsyncDisposable> {
  using reporter = new ProgressReporter('lock', options.onProgress ?? (() => undefined));
  return await takeBuildLock({
    path: join(imageDir, 'lock'),
    waitMs: LOCK_WAIT_MS,
    signal: options.signal,
    onWait: () => reporter.report({ message: 'waiting for another process that builds the sandbox image' }),
  });
}

/** Only called with the lock held: nobody else builds, so whatever lies here was left by a build that died. */
async function removeLeftovers(imageDir: string, signal: AbortSignal | undefined): Promise<void> {
  const work = join(imageDir, WORK_DIR);
  for (const name of await readdir(work).catch(() => [])) await removeTree(join(work, name), signal);
}

async function missingStages(plan: ImagePlan): Promise<PlannedStage[]> {
  const there = await Promise.all(
    plan.stages.map((stage) =>
      access(join(stage.folder, 'layer.json')).then(
        () => true,
        () => false,
      ),
    ),
  );
  return plan.stages.filter((_, index) => !there[index]);
}

function rootOf(stage: PlannedStage): string {
  return join(stage.folder, 'rootfs');
}

function describe(plan: ImagePlan): SandboxImage {
  const stages = plan.stages.map((stage) => ({
    name: stage.description.name,
    hash: stage.hash,
    rootfs: rootOf(stage),
  }));
  const id = plan.stages.at(-1)?.hash;
  if (id === undefined) throw new Error('An image plan without stages');
  return { id, layers: stages.map((stage) => stage.rootfs).toReversed(), stages };
}

import type { Foundations } from './foundations.ts';
import type { createLives } from './compose-lives.ts';
import type { createLimits } from './compose-limits.ts';
import type { ArtifactService } from './services/artifacts.ts';
import { CheckpointKeeper } from './services/checkpoints/checkpoint-keeper.ts';
import { CheckpointService } from './services/checkpoints/checkpoint-service.ts';
import { CheckpointUploader } from './services/checkpoints/checkpoint-uploader.ts';
import { PauseKeeper } from './jobs/pause-keeper.ts';
import { PauseService } from './services/sandboxes/pause-service.ts';
import type { SandboxService } from './services/sandboxes/sandbox-service.ts';

export interface LastingParts extends ReturnType<typeof createLives> {
  sandboxes: SandboxService;
  artifacts: ArtifactService;
  limits: ReturnType<typeof createLimits>;
  detach: (sandboxId: string) => Promise<void>;
  endPreviews: () => Promise<void>;
}

/** Checkpoints and pauses: what of sandboxes lasts. */
export function createLasting(base: Foundations, parts: LastingParts) {
  const { config, stores } = base;
  const { limits } = parts;
  const common = { ...base, ...stores, ...parts };
  const uploader = new CheckpointUploader(common);
  const checkpointService: CheckpointService = new CheckpointService({
    ...common,
    sandboxes: parts.sandboxes,
    onCreated: () => uploader.wake(),
  });
  const pauses = new PauseService({
    ...common,
    ...limits,
    sandboxes: parts.sandboxes,
    store: stores.sandboxes,
    sampleLast: (row) => limits.usageSampler.sampleLast(row),
  });
  return {
    checkpoints: checkpointService,
    pauses,
    checkpointUploader: uploader,
    checkpointKeeper: new CheckpointKeeper({ ...common, service: checkpointService }),
    pauseKeeper: new PauseKeeper({
      ...common,
      ...config.pause,
      store: stores.sandboxes,
      usageStore: stores.sandboxUsage,
      pauses,
    }),
  };
}

import type { Foundations } from './foundations.ts';
import { ObjectTransfers } from './jobs/object-transfers.ts';
import type { ActivityService } from './services/activity.ts';
import { ArtifactService } from './services/artifacts.ts';
import { BoxContents } from './services/artifacts/box-contents.ts';
import { PublishRequests } from './services/artifacts/publish-requests.ts';
import { Staging } from './services/artifacts/staging.ts';
import { StoreHealth } from './services/artifacts/store-health.ts';
import type { Background } from './services/background.ts';
import type { Links } from './services/links.ts';
import type { SandboxService } from './services/sandboxes/sandbox-service.ts';

export interface ArtifactParts {
  artifacts: ArtifactService;
  staging: Staging;
  /** Says that there may be something to carry to the object store. */
  onTransfer: () => void;
  publishRequests: PublishRequests;
  objectTransfers: ObjectTransfers;
  storeHealth: StoreHealth;
}

/** What outlives sandboxes, and its way to the object store. */
export function createArtifacts(
  { config, stores, boxes, logger, now }: Foundations,
  services: { sandboxes: SandboxService; activity: ActivityService; links: Links; background: Background },
): ArtifactParts {
  const { objects, spool, transfers } = stores;
  const storeHealth = new StoreHealth(objects, logger, () => transfers.hurry(now()));
  const objectTransfers = new ObjectTransfers({
    transfers,
    objects,
    spool,
    health: storeHealth,
    logger,
    now,
  });
  const onTransfer = (): void => objectTransfers.kick();
  const staging = new Staging({ objects, spool, transfers, home: config.home, now });
  const artifacts = new ArtifactService({
    sandboxes: services.sandboxes,
    links: services.links,
    contents: new BoxContents(boxes, services.activity),
    store: stores.artifacts,
    findSandbox: (id) => stores.sandboxes.find(id),
    objects,
    staging,
    onTransfer,
    ...config.artifacts,
    now,
  });
  const { background } = services;
  const publishRequests = new PublishRequests({ artifacts, boxes, background, logger });
  return { artifacts, staging, onTransfer, publishRequests, objectTransfers, storeHealth };
}

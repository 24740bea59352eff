import type { SandboxRow } from './database/tables/sandboxes.ts';
import type { Foundations } from './foundations.ts';
import type { ActivityService } from './services/activity.ts';
import type { ArtifactService } from './services/artifacts.ts';
import type { Staging } from './services/artifacts/staging.ts';
import type { Background } from './services/background.ts';
import { lastKeeping, lastRecordings } from './services/browser-keeping/last-keeping.ts';
import { ProfileService } from './services/browser-keeping/profiles.ts';
import { revive } from './services/browser-keeping/revive.ts';
import { RecordingService } from './services/browser-keeping/recordings.ts';
import { SessionArtifacts } from './services/browsers/session-artifacts.ts';
import type { Links } from './services/links.ts';
import type { PlanGate } from './services/plans/plan-gate.ts';
import type { PlanService } from './services/plans/plan-service.ts';
import type { SandboxService } from './services/sandboxes/sandbox-service.ts';

export interface BrowserKeepingParts {
  recordings: RecordingService;
  profiles: ProfileService;
  sessionArtifacts: SessionArtifacts;
  /** Keeps what the browser of a sandbox leaves behind, before its box goes. */
  keepLast: (row: SandboxRow) => Promise<void>;
  /** The same for its recordings alone. */
  keepRecordings: (row: SandboxRow) => Promise<void>;
}

/** What browsers leave behind: films and profiles. */
export function createBrowserKeeping(
  base: Foundations,
  services: {
    sandboxes: SandboxService;
    activity: ActivityService;
    artifacts: ArtifactService;
    staging: Staging;
    onTransfer: () => void;
    plans: PlanService;
    planGate: PlanGate;
    background: Background;
    links: Links;
  },
): BrowserKeepingParts {
  const { stores } = base;
  const common = { ...base, ...services, store: stores.sandboxes };
  const recordings = new RecordingService(common);
  const profiles = new ProfileService({
    ...common,
    profiles: stores.profiles,
    transfers: stores.transfers,
  });
  const sessionArtifacts = new SessionArtifacts({ ...common, artifactStore: stores.artifacts });
  const reviving = { ...base, events: stores.events };
  const revived = (row: SandboxRow, signal: AbortSignal): Promise<boolean> => revive(row, reviving, signal);
  const parts = { recordings, profiles, sessionArtifacts, logger: base.logger, revive: revived };
  return {
    recordings,
    profiles,
    sessionArtifacts,
    keepLast: (row) => lastKeeping(row, parts),
    keepRecordings: (row) => lastRecordings(row, parts),
  };
}

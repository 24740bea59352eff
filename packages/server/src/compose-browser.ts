import type { Foundations } from './foundations.ts';
import { BrowserConnections } from './gateway/browser/browser-connections.ts';
import type { ActivityService } from './services/activity.ts';
import { BrowserService } from './services/browser.ts';
import {
  BrowserSessionService,
  type BrowserSessionServiceDeps,
} from './services/browsers/browser-session-service.ts';
import { SessionKeeper, type SessionKeeperDeps } from './services/browsers/session-keeper.ts';
import { PairedFiles } from './services/browsers/paired-files.ts';
import type { SessionArtifacts } from './services/browsers/session-artifacts.ts';
import { ControlService } from './services/control/control-service.ts';
import { HandoffService } from './services/handoff/handoff-service.ts';
import type { Links } from './services/links.ts';
import type { SandboxService } from './services/sandboxes/sandbox-service.ts';

interface BrowserParts {
  browser: BrowserService;
  controlService: ControlService;
  browserConnections: BrowserConnections;
  handoff: HandoffService;
  pairedFiles: PairedFiles;
}

/** Browser sessions: those of their own, and those that are paired with sandboxes. */
export function createBrowserSessions(
  base: Foundations,
  services: Omit<BrowserSessionServiceDeps, keyof Foundations | 'store' | 'profiles'> &
    Pick<SessionKeeperDeps, 'pauses'>,
): { browserSessions: BrowserSessionService; sessionKeeper: SessionKeeper } {
  const { sandboxes: store, profiles } = base.stores;
  const common = { ...base, ...services, store, profiles };
  return {
    browserSessions: new BrowserSessionService(common),
    sessionKeeper: new SessionKeeper(common),
  };
}

/** The browser of sandboxes, who controls it, and what is open on it. */
export function createBrowser(
  base: Foundations,
  services: {
    sandboxes: SandboxService;
    links: Links;
    activity: ActivityService;
    sessionArtifacts: SessionArtifacts;
  },
): BrowserParts {
  const { stores } = base;
  const common = { ...base, ...services, store: stores.sandboxes };
  const browserConnections = new BrowserConnections(common);
  const controlService = new ControlService({
    ...common,
    control: stores.control,
    handoffs: stores.handoffs,
    onChange: (id) => browserConnections.refresh(id),
  });
  const { handoffs } = stores;
  const pairedFiles = new PairedFiles(common);
  const browser = new BrowserService({ ...common, control: controlService, handoffs, pairedFiles });
  const handoff = new HandoffService({ ...common, handoffs, controlService });
  return { browser, controlService, browserConnections, handoff, pairedFiles };
}

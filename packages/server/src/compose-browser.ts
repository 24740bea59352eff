import type { Foundations } from './foundations.ts';
import { BrowserConnections } from './gateway/browser/browser-connections.ts';
import type { ActivityService } from './services/activity.ts';
import { BrowserService } from './services/browser.ts';
import { ControlService } from './services/control/control-service.ts';
import { HandoffService } from './services/handoff/handoff-service.ts';
import type { Links } from './services/links.ts';
import type { SandboxService } from './services/sandboxes/sandbox-service.ts';

interface BrowserParts {
  browser: BrowserService;
  controlService: ControlService;
  browserConnections: BrowserConnections;
  handoff: HandoffService;
}

/** The browser of sandboxes, who controls it, and what is open on it. */
export function createBrowser(
  base: Foundations,
  services: { sandboxes: SandboxService; links: Links; activity: ActivityService },
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
  const browser = new BrowserService({ ...common, control: controlService, handoffs });
  const handoff = new HandoffService({ ...common, handoffs, controlService });
  return { browser, controlService, browserConnections, handoff };
}

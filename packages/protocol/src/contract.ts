import type { RouteDefinition } from './route.ts';
import * as access from './routes/access.ts';
import * as agentRoutes from './routes/agent.ts';
import * as agentAsks from './routes/agent-asks.ts';
import * as artifacts from './routes/artifacts.ts';
import * as auth from './routes/auth.ts';
import * as browser from './routes/browser.ts';
import * as browsers from './routes/browsers.ts';
import * as browserKeeping from './routes/browser-keeping.ts';
import * as checkpoints from './routes/checkpoints.ts';
import * as contexts from './routes/code-contexts.ts';
import * as computer from './routes/computer.ts';
import * as documents from './routes/documents.ts';
import * as events from './routes/events.ts';
import * as files from './routes/files.ts';
import * as handoff from './routes/handoff.ts';
import * as health from './routes/health.ts';
import * as organizations from './routes/organizations.ts';
import * as modelKeys from './routes/model-keys.ts';
import * as network from './routes/network.ts';
import * as pauses from './routes/pauses.ts';
import * as ports from './routes/ports.ts';
import * as processes from './routes/processes.ts';
import * as sandboxes from './routes/sandboxes.ts';
import * as skills from './routes/skills.ts';
import * as terminal from './routes/terminal.ts';
import * as usage from './routes/usage.ts';
import * as webhooks from './routes/webhooks.ts';
import * as work from './routes/work.ts';

/** Every route of the API, by family. */
export const contract = {
  sandboxes,
  work,
  files,
  processes,
  contexts,
  terminal,
  browser,
  browsers,
  browserKeeping,
  computer,
  handoff,
  agent: { ...agentRoutes, ...agentAsks },
  skills,
  artifacts,
  checkpoints,
  pauses,
  documents,
  events,
  webhooks,
  usage,
  network,
  ports,
  health,
  access,
  organizations,
  modelKeys,
  auth,
};

/** The same as a flat list. */
export const allRoutes: readonly RouteDefinition[] = Object.values(contract).flatMap((family) =>
  Object.values<RouteDefinition>(family),
);

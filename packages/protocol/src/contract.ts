import type { RouteDefinition } from './route.ts';
import * as agent from './routes/agent.ts';
import * as artifacts from './routes/artifacts.ts';
import * as browser from './routes/browser.ts';
import * as contexts from './routes/code-contexts.ts';
import * as health from './routes/health.ts';
import * as processes from './routes/processes.ts';
import * as sandboxes from './routes/sandboxes.ts';
import * as terminal from './routes/terminal.ts';
import * as work from './routes/work.ts';

/** Every route of the API, by family. */
export const contract = { sandboxes, work, processes, contexts, terminal, browser, agent, artifacts, health };

/** The same as a flat list. */
export const allRoutes: readonly RouteDefinition[] = Object.values(contract).flatMap((family) =>
  Object.values<RouteDefinition>(family),
);

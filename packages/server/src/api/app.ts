import { ApiError, contract, newId } from '@banata/protocol';
import { Hono } from 'hono';
import type { Logger } from '../logger.ts';
import type { AccessService } from '../services/access.ts';
import type { AgentService } from '../services/agent/agent-service.ts';
import type { ArtifactService } from '../services/artifacts.ts';
import type { BrowserService } from '../services/browser.ts';
import type { ExecutionService } from '../services/execution.ts';
import type { FileService } from '../services/files.ts';
import type { Links } from '../services/links.ts';
import type { SandboxService } from '../services/sandboxes/sandbox-service.ts';
import type { EventStore } from '../stores/event-store.ts';
import { mountAgent } from './agent.ts';
import { mountArtifacts } from './artifacts.ts';
import { mountBrowser } from './browser.ts';
import { mountInteractive, type InteractiveDeps } from './interactive.ts';
import { Mount, type ApiContext, type ApiEnv } from './mount.ts';
import { mountPages, type PagesOptions } from './pages.ts';
import { mountSandboxes } from './sandboxes.ts';
import type { EventStreams } from './sse.ts';
import { mountWork } from './work.ts';

export interface AppDeps extends InteractiveDeps {
  access: AccessService;
  sandboxes: SandboxService;
  execution: ExecutionService;
  files: FileService;
  browser: BrowserService;
  agent: AgentService;
  artifacts: ArtifactService;
  events: EventStore;
  streams: EventStreams;
  links: Links;
  pages: PagesOptions;
  /** Rejects when the database or the driver does not answer. */
  checkReady: () => Promise<void>;
  logger: Logger;
}

/** The public HTTP application. */
export function createApp(deps: AppDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.use(async (context, next) => logOperation(context, next, deps.logger));
  app.onError((error, context) => answerError(error, context, deps.logger));
  app.notFound((context) => answerError(new ApiError('ROUTE_NOT_FOUND'), context, deps.logger));
  const mount = new Mount(app, deps.access);
  mount.route(contract.health.health, () =>
    Promise.resolve({ ok: true as const, version: deps.pages.version }),
  );
  mount.route(contract.health.readiness, async () => {
    await deps.checkReady();
    return { ok: true as const };
  });
  mountSandboxes(mount, deps);
  mountWork(mount, deps);
  mountInteractive(mount, deps);
  mountBrowser(mount, deps);
  mountAgent(mount, deps);
  mountArtifacts(mount, deps);
  mountPages(app, deps.pages);
  return app;
}

async function logOperation(context: ApiContext, next: () => Promise<void>, logger: Logger): Promise<void> {
  const startedAt = performance.now();
  const requestId = newId();
  context.set('requestId', requestId);
  await next();
  context.header('x-request-id', requestId);
  const { status } = context.res;
  const fields = {
    event: 'http.request',
    requestId,
    method: context.req.method,
    path: context.req.path,
    status,
    durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
  };
  if (status >= 500) logger.error(fields, 'request failed');
  else logger.debug(fields, 'request');
}

function answerError(error: Error, context: ApiContext, logger: Logger): Response {
  if (error instanceof ApiError) {
    if (error.cause !== undefined)
      logger.debug({ requestId: context.get('requestId'), err: error }, 'request refused');
    return Response.json(error.toBody(), { status: error.status });
  }
  // The client went away; nobody reads the answer.
  if (error.name === 'AbortError') return new Response(null, { status: 499 });
  logger.error({ event: 'http.error', requestId: context.get('requestId'), err: error }, 'unexpected error');
  const body = new ApiError('INTERNAL', undefined, {
    details: { requestId: context.get('requestId') },
  }).toBody();
  return Response.json(body, { status: 500 });
}

import { ApiError, contract, newId } from '@banata/protocol';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import { mountMetrics } from './metrics-page.ts';
import { mountUsage, type UsageRoutesDeps } from './usage.ts';
import type { MountDeps } from './mount.ts';
import { mountAccess, type AccessRoutesDeps } from './access.ts';
import { mountAuth, type AuthRoutesDeps } from './auth.ts';
import type { AgentGateway } from '../gateway/opencode/agent-gateway.ts';
import type { AgentAsks } from '../services/agent/agent-asks.ts';
import type { OrganizationLives } from '../services/access/organization-lives.ts';
import type { AgentService } from '../services/agent/agent-service.ts';
import type { ArtifactService } from '../services/artifacts.ts';
import type { BrowserService } from '../services/browser.ts';
import type { ExecutionService } from '../services/execution.ts';
import type { Links } from '../services/links.ts';
import { toApiError } from '../services/failures.ts';
import type { PortService } from '../services/ports.ts';
import type { SandboxService } from '../services/sandboxes/sandbox-service.ts';
import type { SkillService } from '../services/skills/skill-service.ts';
import type { WebhookService } from '../services/webhooks/webhook-service.ts';
import type { NetworkService } from '../services/network/network-service.ts';
import type { HandoffService } from '../services/handoff/handoff-service.ts';
import type { ControlService } from '../services/control/control-service.ts';
import type { EventStore } from '../stores/event-store.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import { mountAgent } from './agent.ts';
import { mountAgentServer } from './agent-server.ts';
import { mountArtifacts } from './artifacts.ts';
import { mountLasting, type LastingRoutesDeps } from './checkpoints.ts';
import { mountBrowser } from './browser.ts';
import { mountBrowsers, type BrowserSessionRoutesDeps } from './browsers.ts';
import { mountBrowserKeeping, type BrowserKeepingDeps } from './browser-keeping.ts';
import { mountComputer } from './computer.ts';
import { mountDocuments, type DocumentsRoutesDeps } from './documents.ts';
import { mountEvents } from './events.ts';
import { mountFiles, type FileRoutesDeps } from './files.ts';
import { mountHandoff } from './handoff.ts';
import { mountInteractive, type InteractiveDeps } from './interactive.ts';
import { Mount, type ApiContext, type ApiEnv } from './mount.ts';
import { mountOrganizations } from './organizations.ts';
import { mountModelKeys } from './model-keys.ts';
import type { ModelKeys } from '../services/models/model-keys.ts';
import { mountNetwork } from './network.ts';
import { mountPages, type PagesOptions } from './pages.ts';
import { mountPorts } from './ports.ts';
import { mountSandboxes } from './sandboxes.ts';
import { mountSkills } from './skills.ts';
import type { EventStreams } from './sse.ts';
import { mountWebhooks } from './webhooks.ts';
import { mountWork } from './work.ts';

export interface AppDeps
  extends
    InteractiveDeps,
    BrowserKeepingDeps,
    LastingRoutesDeps,
    FileRoutesDeps,
    UsageRoutesDeps,
    DocumentsRoutesDeps,
    BrowserSessionRoutesDeps,
    AccessRoutesDeps,
    Omit<AuthRoutesDeps, 'publicUrl'>,
    Omit<MountDeps, 'publicUrl'> {
  sandboxes: SandboxService;
  execution: ExecutionService;
  browser: BrowserService;
  controlService: ControlService;
  handoff: HandoffService;
  sandboxStore: SandboxStore;
  agent: AgentService;
  agentGateway: AgentGateway;
  asks: AgentAsks;
  skills: SkillService;
  modelKeys: ModelKeys;
  artifacts: ArtifactService;
  network: NetworkService;
  ports: PortService;
  events: EventStore;
  streams: EventStreams;
  links: Links;
  webhooks: WebhookService;
  organizationLives: OrganizationLives;
  pages: PagesOptions;
  metrics: Metrics;
  metricsToken: string | undefined;
  /** Rejects when the database or the driver does not answer. */
  checkReady: () => Promise<{ degraded: 'object-store'[]; pendingUploads: number }>;
  logger: Logger;
}

const REQUEST_ID = 'x-request-id';

/** The public HTTP application. */
export function createApp(deps: AppDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.use(async (context, next) => logOperation(context, next, deps.logger));
  app.onError((error, context) => answerError(error, context, deps.logger));
  app.notFound((context) => answerError(new ApiError('ROUTE_NOT_FOUND'), context, deps.logger));
  const { publicUrl } = deps.pages;
  const mount = new Mount(app, { ...deps, publicUrl });
  mount.route(contract.health.health, () =>
    Promise.resolve({ ok: true as const, version: deps.pages.version }),
  );
  mount.route(contract.health.readiness, async () => {
    return { ok: true as const, ...(await deps.checkReady()) };
  });
  mountSandboxes(mount, deps);
  mountWork(mount, deps);
  mountFiles(app, mount, deps);
  mountInteractive(mount, deps);
  mountBrowser(mount, deps);
  mountBrowsers(mount, deps);
  mountBrowserKeeping(mount, deps);
  mountComputer(mount, deps);
  mountHandoff(mount, deps);
  mountAgent(mount, deps);
  mountAgentServer(mount, deps);
  mountSkills(mount, deps);
  mountModelKeys(mount, deps);
  mountArtifacts(mount, deps);
  mountLasting(mount, deps);
  mountDocuments(mount, deps);
  mountAccess(mount, deps);
  mountOrganizations(mount, deps);
  mountAuth(mount, { ...deps, publicUrl });
  mountEvents(mount, deps);
  mountWebhooks(mount, deps);
  mountUsage(mount, deps);
  mountMetrics(app, deps);
  mountNetwork(mount, deps);
  mountPorts(mount, deps);
  mountPages(app, deps.pages);
  return app;
}

async function logOperation(context: ApiContext, next: () => Promise<void>, logger: Logger): Promise<void> {
  const startedAt = performance.now();
  const requestId = newId();
  context.set('requestId', requestId);
  // Before the reply is made: on a finished one it would turn the body into a web stream, a ms of CPU time.
  context.header(REQUEST_ID, requestId);
  await next();
  // Replies that are not made through the context have not got it.
  if (!context.res.headers.has(REQUEST_ID)) context.header(REQUEST_ID, requestId);
  const { status } = context.res;
  const fields = {
    event: 'http.request',
    requestId,
    method: context.req.method,
    path: context.req.path,
    status,
    durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
  };
  // 501 is an answer, not a failure: the operator has not set the feature up.
  if (status === 501) logger.info(fields, 'request for something that is not set up');
  else if (status >= 500) logger.error(fields, 'request failed');
  else logger.debug(fields, 'request');
}

function answerError(error: Error, context: ApiContext, logger: Logger): Response {
  if (error instanceof ApiError) {
    if (error.cause !== undefined)
      logger.debug({ requestId: context.get('requestId'), err: error }, 'request refused');
    const { retryAfterMs } = error.details;
    const headers: Record<string, string> =
      typeof retryAfterMs === 'number'
        ? { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }
        : {};
    // Through the context, so that headers set before are on the reply.
    return context.json(error.toBody(), error.status as ContentfulStatusCode, headers);
  }
  // The client went away; nobody reads the answer.
  if (error.name === 'AbortError') return new Response(null, { status: 499 });
  logger.error({ event: 'http.error', requestId: context.get('requestId'), err: error }, 'unexpected error');
  const known = toApiError(error);
  if (known.code !== 'INTERNAL') return Response.json(known.toBody(), { status: known.status });
  const body = new ApiError('INTERNAL', undefined, {
    details: { requestId: context.get('requestId') },
  }).toBody();
  return Response.json(body, { status: 500 });
}

import type { Config } from '@banata/config';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createApp } from './api/app.ts';
import { EventStreams } from './api/sse.ts';
import { BoxesListener } from './boxes/boxes-listener.ts';
import { createBrowser, createBrowserSessions } from './compose-browser.ts';
import { createLasting } from './compose-checkpoints.ts';
import { createArtifacts } from './compose-artifacts.ts';
import { createBrowserKeeping } from './compose-browser-keeping.ts';
import { createBoxLinks } from './compose-links.ts';
import { createLimits, createUsage } from './compose-limits.ts';
import { createLives } from './compose-lives.ts';
import { createWebhooks } from './compose-webhooks.ts';
import { openFoundations, repository, type Foundations, type openDriver } from './foundations.ts';
import { OpenConnections } from './gateway/previews/open-connections.ts';
import { AgentGateway } from './gateway/opencode/agent-gateway.ts';
import { PreviewGateway } from './gateway/previews/preview-gateway.ts';
import type { UpgradeDeps } from './gateway/upgrades.ts';
import { DatabaseKeeper } from './jobs/database-keeper.ts';
import type { ObjectTransfers } from './jobs/object-transfers.ts';
import { Reconciler } from './jobs/reconciler.ts';
import { repeat } from './jobs/repeat.ts';
import { Sweeper } from './jobs/sweeper.ts';
import type { Logger } from './logger.ts';
import { buildAccess, type AccessServices } from './services/access/build-access.ts';
import { OrganizationLives } from './services/access/organization-lives.ts';
import { ActivityService } from './services/activity.ts';
import { AgentAsks } from './services/agent/agent-asks.ts';
import { AgentService } from './services/agent/agent-service.ts';
import { Background } from './services/background.ts';
import { ContextService } from './services/contexts.ts';
import { DocumentService } from './services/documents.ts';
import { ExecutionService } from './services/execution.ts';
import { FileOperations } from './services/file-operations.ts';
import { FileTransfers } from './services/file-transfers.ts';
import { FileService } from './services/files.ts';
import { Links } from './services/links.ts';
import { PlanCatalog } from './services/plans/plan-catalog.ts';
import { createOutboundGuard } from './services/net/outbound-guard.ts';
import { NetworkService } from './services/network/network-service.ts';
import { PortService } from './services/ports.ts';
import { ProcessService } from './services/processes.ts';
import { SandboxService } from './services/sandboxes/sandbox-service.ts';
import { SkillService } from './services/skills/skill-service.ts';
import { TerminalService } from './services/terminals.ts';
import { version } from './version.ts';

const SWEEP_MS = 1_000;
const RECONCILE_MS = 3_000;
const LINK_MS = 3_000;
const EXPIRE_MS = 60_000;
/** What a sandbox used since the last sample is lost when its host crashes. */
const SAMPLE_MS = 30_000;
const NETWORK_MS = 2_000;
const PREVIEW_SWEEP_MS = 2_000;
const SESSIONS_MS = 3_000;
/** A lease ends on the wire to the millisecond; its row follows within this time. */
const CONTROL_MS = 1_000;
const DATABASE_MS = 5_000;
const PAUSE_MS = 5_000;
const CHECKPOINTS_MS = 5_000;
const OBJECT_STORE_MS = 2_000;
const STOP_GRACE_MS = 5_000;

/** A server put together, not yet listening. */
export interface Composition {
  app: ReturnType<typeof createApp>;
  upgrades: UpgradeDeps;
  /** Makes what a new database lacks; hands over the secrets before anything is committed. */
  firstStart: AccessServices['firstStart'];
  previews: PreviewGateway;
  /** Carries contents to the object store; `kick` has it look at once. */
  objectTransfers: Pick<ObjectTransfers, 'kick'>;
  /** Starts the work that goes on by itself. */
  startJobs: () => void;
  /** Ends event streams, which would hold up the end of the server. */
  endStreams: () => void;
  close: () => Promise<void>;
}

/** Builds the graph of a server: everything gets what it needs by constructor. */
export async function compose(
  config: Config,
  options: {
    logger: Logger;
    publicUrl: () => string;
    /** Makes the driver. Default: the one of the settings. */
    openDriver?: typeof openDriver;
  },
): Promise<Composition> {
  const { logger, publicUrl } = options;
  const catalog = await PlanCatalog.load(config.plans);
  const base = await openFoundations(config, logger, options.openDriver);
  const services = createServices(base, publicUrl, catalog);
  const { stores, notifications, boxes } = base;
  const guard = createOutboundGuard({ allowHosts: config.models.allowHosts });
  const listener = new BoxesListener({
    ...base,
    address: base.serviceAddress,
    store: stores.sandboxes,
    usage: stores.usage,
    guard,
  });
  // Boxes that run have their rules before anything is answered to them.
  await services.network.sync();
  await listener.start();
  const streams = new EventStreams(stores.events, notifications);
  const app = createApp({
    ...services,
    ...services.accounts,
    tracing: base.tracing,
    modelKeys: base.modelKeys,
    trustedProxies: config.trustedProxies,
    metricsToken: config.metricsToken,
    events: stores.events,
    sandboxStore: stores.sandboxes,
    streams,
    pages: { version, publicUrl, webDir: join(repository, 'packages/web/dist'), swaggerDir: swaggerDir() },
    checkReady: async () => {
      await Promise.all([base.pool.query('select 1'), base.driver.list()]);
      return {
        degraded: services.storeHealth.up ? [] : ['object-store' as const],
        pendingUploads: await stores.transfers.pendingUploads(),
      };
    },
    logger,
  });
  return {
    app,
    firstStart: services.accounts.firstStart,
    upgrades: {
      store: stores.sandboxes,
      boxes,
      access: services.accounts.access,
      links: services.links,
      activity: services.activity,
      agent: services.agent,
      previews: services.previews,
      sessionKeeper: services.sessionKeeper,
      browserConnections: services.browserConnections,
      logger,
      now: base.now,
    },
    previews: services.previews,
    objectTransfers: services.objectTransfers,
    startJobs: () => startJobs(base, services),
    endStreams: () => streams.close(),
    close: async () => {
      await services.background.close(STOP_GRACE_MS);
      await services.boxLinks.close();
      await services.activity.flush();
      await listener.close();
      await base.egress.connections.flush();
      await guard.close();
      await services.webhookGuard.close();
      await closeFoundations(base);
    },
  };
}

type Services = ReturnType<typeof createServices>;

function createServices(base: Foundations, publicUrl: () => string, catalog: PlanCatalog) {
  const { config, stores, boxes, secrets, notifications, logger, now } = base;
  const common = { ...base, store: stores.sandboxes, tasks: stores.tasks };
  const background = new Background(logger);
  const links = new Links(secrets, publicUrl, now);
  const accounts = buildAccess({ ...base, stores: stores.access, publicUrl });
  const activity = new ActivityService(stores.sandboxes, now);
  const limits = createLimits(base, catalog);
  const linking = {
    attach: (id: string) => boxLinks.attach(id),
    detach: (id: string) => boxLinks.detach(id),
  };
  const lives = createLives(base, { ...linking, limits, background, keeping: () => keeping });
  const { profiles } = stores;
  const sandboxes = new SandboxService({ ...common, ...limits, ...lives, profiles, links });
  const files = new FileService(sandboxes, boxes, activity);
  const outputs = createArtifacts(base, { sandboxes, activity, links, background });
  const forBrowsers = { sandboxes, activity, links };
  const keeping = createBrowserKeeping(base, { ...limits, ...outputs, ...forBrowsers, background });
  const agent = new AgentService({
    ...common,
    sandboxes,
    activity,
    notifications,
    serverModels: config.models.variables,
  });
  const previewHost = config.previewHost;
  const connections = new OpenConnections();
  const ports = new PortService({
    ...base,
    sandboxes,
    store: stores.ports,
    publicUrl,
    previewHost,
    onRevoked: (label) => connections.end(label),
  });
  const previews = new PreviewGateway({ ...base, ports, connections, activity, publicUrl, previewHost });
  const endPreviews = (): Promise<void> => previews.sweep();
  const lasting = createLasting(base, { ...outputs, ...lives, ...linking, sandboxes, limits, endPreviews });
  const browserParts = createBrowser(base, { ...keeping, ...forBrowsers });
  const boxLinks = createBoxLinks(base, { ...outputs, ...keeping, ...browserParts });
  return {
    accounts,
    activity,
    agent,
    asks: new AgentAsks({ agent, boxes, activity }),
    agentGateway: new AgentGateway({ agent, boxes, activity }),
    ...outputs,
    background,
    ...keeping,
    boxLinks,
    ...browserParts,
    ...createBrowserSessions(base, { ...limits, ...lives, ...keeping, ...lasting, links }),
    contexts: new ContextService(sandboxes, boxes, activity),
    documents: new DocumentService({ ...common, ...outputs, sandboxes, activity }),
    execution: new ExecutionService(sandboxes, boxes, activity),
    processes: new ProcessService(sandboxes, boxes, activity),
    terminals: new TerminalService(sandboxes, boxes, links),
    files,
    fileOperations: new FileOperations(sandboxes, boxes, activity),
    fileTransfers: new FileTransfers({ sandboxes, boxes, activity, links }),
    links,
    organizationLives: new OrganizationLives({
      ...common,
      ...accounts,
      ...stores.access,
      ...lives,
    }),
    network: new NetworkService({ ...common, sandboxes, log: stores.networkLog }),
    ports,
    previews,
    ...lives,
    ...lasting,
    sandboxes,
    skills: new SkillService({ store: stores.skills, agent, now }),
    ...limits,
    usage: createUsage(base, limits.plans, sandboxes),
    ...createWebhooks(base, links),
  };
}

function startJobs(base: Foundations, services: Services): void {
  const { stores, logger, boxes } = base;
  const { background, boxLinks } = services;
  boxes.onJournal((boxId) => background.run('follow-box', () => boxLinks.followBox(boxId)));
  const common = { ...base, ...services, store: stores.sandboxes };
  const sweeper = new Sweeper({ ...common, busySandboxes: () => stores.tasks.sandboxesWithOpenTasks() });
  const reconciler = new Reconciler({
    ...common,
    lastSampleAt: (id) => stores.sandboxUsage.lastSampleAt(id),
  });
  const jobs = [
    { name: 'sweep', everyMs: SWEEP_MS, run: () => sweeper.sweep() },
    { name: 'reconcile', everyMs: RECONCILE_MS, run: () => reconciler.reconcile() },
    { name: 'expire', everyMs: EXPIRE_MS, run: () => services.accounts.removeExpired() },
    { name: 'expire-artifacts', everyMs: EXPIRE_MS, run: () => services.artifacts.removeExpired() },
    { name: 'forget-keys', everyMs: EXPIRE_MS, run: () => services.idempotency.removeExpired() },
    {
      name: 'closed-organizations',
      everyMs: RECONCILE_MS,
      run: () => services.organizationLives.endSandboxes(),
    },
    { name: 'sample-usage', everyMs: SAMPLE_MS, run: () => services.usageSampler.sampleAll() },
    { name: 'previews', everyMs: PREVIEW_SWEEP_MS, run: () => services.previews.sweep() },
    { name: 'browser-sessions', everyMs: SESSIONS_MS, run: () => services.sessionKeeper.sweep() },
    { name: 'handoff', everyMs: CONTROL_MS, run: () => services.handoff.tick() },
    { name: 'control', everyMs: CONTROL_MS, run: () => services.controlService.tick() },
    {
      name: 'browser-connections',
      everyMs: PREVIEW_SWEEP_MS,
      run: () => services.browserConnections.sweep(),
    },
    { name: 'pauses', everyMs: PAUSE_MS, run: () => services.pauseKeeper.keep() },
    { name: 'checkpoints', everyMs: CHECKPOINTS_MS, run: () => services.checkpointKeeper.keep() },
    { name: 'network', everyMs: NETWORK_MS, run: () => services.network.tick() },
    {
      name: 'link',
      everyMs: LINK_MS,
      run: async () => services.boxLinks.sync(await stores.sandboxes.listLive()),
    },
  ];
  if (stores.spool) {
    jobs.push({ name: 'object-store', everyMs: OBJECT_STORE_MS, run: () => services.storeHealth.watch() });
  }
  const { restartDatabase } = base;
  if (restartDatabase) {
    const keeper = new DatabaseKeeper(base.pool, restartDatabase, logger);
    jobs.push({ name: 'database', everyMs: DATABASE_MS, run: () => keeper.check() });
  }
  for (const job of jobs) services.background.run(job.name, (signal) => repeat(job, { logger, signal }));
  services.background.run('checkpoint-uploads', (signal) => services.checkpointUploader.run(signal));
  services.background.run('object-transfers', async (signal) => {
    await services.objectTransfers.sweepSpool();
    await services.objectTransfers.run(signal);
  });
  services.background.run('webhooks', (signal) => services.webhookDeliverer.run(signal));
}

async function closeFoundations(base: Foundations): Promise<void> {
  const { boxClient, driver, notifications, pool, tracing } = base;
  await boxClient.close();
  await tracing.close();
  await driver.close();
  await notifications.close();
  await pool.end();
}

function swaggerDir(): string {
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
}

import type { Config } from '@banata/config';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createApp } from './api/app.ts';
import { EventStreams } from './api/sse.ts';
import { BoxesListener } from './boxes/boxes-listener.ts';
import { createLimits, createUsage } from './compose-limits.ts';
import { createWebhooks } from './compose-webhooks.ts';
import { openFoundations, repository, type Foundations, type openDriver } from './foundations.ts';
import { OpenConnections } from './gateway/previews/open-connections.ts';
import { PreviewGateway } from './gateway/previews/preview-gateway.ts';
import type { UpgradeDeps } from './gateway/upgrades.ts';
import { BoxEventApplier } from './jobs/box-event-applier.ts';
import { BoxLinks } from './jobs/box-links.ts';
import { DatabaseKeeper } from './jobs/database-keeper.ts';
import { Reconciler } from './jobs/reconciler.ts';
import { repeat } from './jobs/repeat.ts';
import { Sweeper } from './jobs/sweeper.ts';
import type { Logger } from './logger.ts';
import { buildAccess, type AccessServices } from './services/access/build-access.ts';
import { ActivityService } from './services/activity.ts';
import { AgentService } from './services/agent/agent-service.ts';
import { ArtifactService } from './services/artifacts.ts';
import { Background } from './services/background.ts';
import { BrowserService } from './services/browser.ts';
import { BrowserSessionService } from './services/browsers/browser-session-service.ts';
import { SessionKeeper } from './services/browsers/session-keeper.ts';
import { ContextService } from './services/contexts.ts';
import { DocumentService } from './services/documents.ts';
import { ExecutionService } from './services/execution.ts';
import { FileService } from './services/files.ts';
import { Links } from './services/links.ts';
import { PlanCatalog } from './services/plans/plan-catalog.ts';
import { createOutboundGuard } from './services/net/outbound-guard.ts';
import { NetworkService } from './services/network/network-service.ts';
import { PortService } from './services/ports.ts';
import { ProcessService } from './services/processes.ts';
import { Provisioner } from './services/sandboxes/provisioner.ts';
import { SandboxService } from './services/sandboxes/sandbox-service.ts';
import { Terminator } from './services/sandboxes/terminator.ts';
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
const DATABASE_MS = 5_000;
const STOP_GRACE_MS = 5_000;

/** A server put together, not yet listening. */
export interface Composition {
  app: ReturnType<typeof createApp>;
  upgrades: UpgradeDeps;
  /** Makes what a new database lacks; hands over the secrets before anything is committed. */
  firstStart: AccessServices['firstStart'];
  previews: PreviewGateway;
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
  const { stores, notifications, boxes, secrets } = base;
  const guard = createOutboundGuard({ allowHosts: config.models.allowHosts });
  const listener = new BoxesListener({
    address: base.serviceAddress,
    config,
    store: stores.sandboxes,
    boxes,
    usage: stores.usage,
    secrets,
    guard,
    egress: base.egress,
    logger,
  });
  // Boxes that run have their rules before anything is answered to them.
  await services.network.sync();
  await listener.start();
  const streams = new EventStreams(stores.events, notifications);
  const app = createApp({
    ...services,
    ...services.accounts,
    trustedProxies: config.trustedProxies,
    metricsToken: config.metricsToken,
    events: stores.events,
    streams,
    pages: { version, publicUrl, webDir: join(repository, 'packages/web/dist'), swaggerDir: swaggerDir() },
    checkReady: async () => void (await Promise.all([base.pool.query('select 1'), base.driver.list()])),
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
      previews: services.previews,
      sessionKeeper: services.sessionKeeper,
      logger,
    },
    previews: services.previews,
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
  const terminator = new Terminator({
    ...common,
    sampleLast: (row) => limits.usageSampler.sampleLast(row),
  });
  const provisioner = new Provisioner({
    ...common,
    ...limits,
    background,
    attach: (id) => boxLinks.attach(id),
  });
  const sandboxes = new SandboxService({ ...common, ...limits, links, provisioner, terminator });
  const files = new FileService(sandboxes, boxes, activity);
  const artifacts = new ArtifactService({
    sandboxes,
    files,
    store: stores.artifacts,
    objects: stores.objects,
    links,
    home: config.home,
    now,
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
  const applier = new BoxEventApplier({ ...stores, artifacts, now });
  const boxLinks = new BoxLinks({ ...common, applier });
  return {
    accounts,
    activity,
    agent: new AgentService({
      ...common,
      sandboxes,
      activity,
      notifications,
      serverModels: config.models.variables,
    }),
    artifacts,
    background,
    boxLinks,
    browser: new BrowserService({ ...common, sandboxes, links, activity }),
    browserSessions: new BrowserSessionService({ ...common, ...limits, links, provisioner, terminator }),
    sessionKeeper: new SessionKeeper({ ...common, terminator }),
    contexts: new ContextService(sandboxes, boxes, activity),
    documents: new DocumentService({ ...common, sandboxes, activity, artifacts }),
    execution: new ExecutionService(sandboxes, boxes, activity),
    processes: new ProcessService(sandboxes, boxes, activity),
    terminals: new TerminalService(sandboxes, boxes, links),
    files,
    links,
    network: new NetworkService({ ...common, sandboxes, links, log: stores.networkLog }),
    ports,
    previews: new PreviewGateway({ ...base, ports, connections, activity, publicUrl, previewHost }),
    provisioner,
    sandboxes,
    terminator,
    ...limits,
    usage: createUsage(base, limits.plans, sandboxes),
    ...createWebhooks(base),
  };
}

function startJobs(base: Foundations, services: Services): void {
  const { stores, logger } = base;
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
    { name: 'forget-keys', everyMs: EXPIRE_MS, run: () => services.idempotency.removeExpired() },
    { name: 'sample-usage', everyMs: SAMPLE_MS, run: () => services.usageSampler.sampleAll() },
    { name: 'previews', everyMs: PREVIEW_SWEEP_MS, run: () => services.previews.sweep() },
    { name: 'browser-sessions', everyMs: SESSIONS_MS, run: () => services.sessionKeeper.sweep() },
    { name: 'network', everyMs: NETWORK_MS, run: () => services.network.tick() },
    {
      name: 'link',
      everyMs: LINK_MS,
      run: async () => services.boxLinks.sync(await stores.sandboxes.listLive()),
    },
  ];
  const { restartDatabase } = base;
  if (restartDatabase) {
    const keeper = new DatabaseKeeper(base.pool, restartDatabase, logger);
    jobs.push({ name: 'database', everyMs: DATABASE_MS, run: () => keeper.check() });
  }
  for (const job of jobs) services.background.run(job.name, (signal) => repeat(job, { logger, signal }));
  services.background.run('webhooks', (signal) => services.webhookDeliverer.run(signal));
}

async function closeFoundations({ boxClient, driver, notifications, pool }: Foundations): Promise<void> {
  await boxClient.close();
  await driver.close();
  await notifications.close();
  await pool.end();
}

function swaggerDir(): string {
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
}

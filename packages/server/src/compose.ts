import type { Config } from '@banata/config';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createApp } from './api/app.ts';
import { EventStreams } from './api/sse.ts';
import { BoxesListener } from './boxes/boxes-listener.ts';
import { openFoundations, repository, type Foundations } from './foundations.ts';
import type { UpgradeDeps } from './gateway/upgrades.ts';
import { BoxEventApplier } from './jobs/box-event-applier.ts';
import { BoxLinks } from './jobs/box-links.ts';
import { Reconciler } from './jobs/reconciler.ts';
import { repeat } from './jobs/repeat.ts';
import { Sweeper } from './jobs/sweeper.ts';
import type { Logger } from './logger.ts';
import { AccessService } from './services/access.ts';
import { ActivityService } from './services/activity.ts';
import { AgentService } from './services/agent/agent-service.ts';
import { ArtifactService } from './services/artifacts.ts';
import { Background } from './services/background.ts';
import { BrowserService } from './services/browser.ts';
import { ContextService } from './services/contexts.ts';
import { ExecutionService } from './services/execution.ts';
import { FileService } from './services/files.ts';
import { Links } from './services/links.ts';
import { createOutboundGuard } from './services/net/outbound-guard.ts';
import { ProcessService } from './services/processes.ts';
import { Provisioner } from './services/sandboxes/provisioner.ts';
import { SandboxService } from './services/sandboxes/sandbox-service.ts';
import { Terminator } from './services/sandboxes/terminator.ts';
import { TerminalService } from './services/terminals.ts';
import { version } from './version.ts';

const SWEEP_MS = 1_000;
const RECONCILE_MS = 3_000;
const LINK_MS = 3_000;
const STOP_GRACE_MS = 5_000;

/** A server put together, not yet listening. */
export interface Composition {
  app: ReturnType<typeof createApp>;
  upgrades: UpgradeDeps;
  access: AccessService;
  /** Starts the work that goes on by itself. */
  startJobs: () => void;
  close: () => Promise<void>;
}

/** Builds the graph of a server: everything gets what it needs by constructor. */
export async function compose(
  config: Config,
  { logger, publicUrl }: { logger: Logger; publicUrl: () => string },
): Promise<Composition> {
  const base = await openFoundations(config, logger);
  const services = createServices(base, publicUrl);
  const { stores, notifications, boxes, secrets } = base;
  const guard = createOutboundGuard({ allowHosts: config.models.allowHosts });
  const listener = new BoxesListener({
    address: base.serviceAddress,
    config,
    store: stores.sandboxes,
    usage: stores.usage,
    secrets,
    guard,
    logger,
  });
  await listener.start();
  const app = createApp({
    ...services,
    events: stores.events,
    streams: new EventStreams(stores.events, notifications),
    pages: { version, publicUrl, webDir: join(repository, 'packages/web/dist'), swaggerDir: swaggerDir() },
    checkReady: async () => void (await Promise.all([base.pool.query('select 1'), base.driver.list()])),
    logger,
  });
  return {
    app,
    access: services.access,
    upgrades: {
      store: stores.sandboxes,
      boxes,
      access: services.access,
      links: services.links,
      activity: services.activity,
      logger,
    },
    startJobs: () => startJobs(base, services),
    close: async () => {
      await services.background.close(STOP_GRACE_MS);
      await services.boxLinks.close();
      await services.activity.flush();
      await listener.close();
      await guard.close();
      await closeFoundations(base);
    },
  };
}

type Services = ReturnType<typeof createServices>;

function createServices(base: Foundations, publicUrl: () => string) {
  const { config, stores, driver, boxes, secrets, notifications, logger, now } = base;
  const common = { ...base, store: stores.sandboxes, tasks: stores.tasks };
  const background = new Background(logger);
  const links = new Links(secrets, publicUrl, now);
  const access = new AccessService(stores.access, now);
  const activity = new ActivityService(stores.sandboxes, now);
  const terminator = new Terminator({ ...common, driver });
  const provisioner = new Provisioner({ ...common, background, attach: (id) => boxLinks.attach(id) });
  const sandboxes = new SandboxService({ ...common, links, provisioner, terminator, config });
  const files = new FileService(sandboxes, boxes, activity);
  const artifacts = new ArtifactService({
    sandboxes,
    files,
    store: stores.artifacts,
    objects: stores.objects,
    links,
    now,
  });
  const applier = new BoxEventApplier({ ...stores, artifacts, now });
  const boxLinks = new BoxLinks({ ...common, applier });
  return {
    access,
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
    contexts: new ContextService(sandboxes, boxes, activity),
    execution: new ExecutionService(sandboxes, boxes, activity),
    processes: new ProcessService(sandboxes, boxes, activity),
    terminals: new TerminalService(sandboxes, boxes, links),
    files,
    links,
    provisioner,
    sandboxes,
    terminator,
  };
}

function startJobs(base: Foundations, services: Services): void {
  const { stores, logger } = base;
  const common = { ...base, ...services, store: stores.sandboxes };
  const sweeper = new Sweeper({ ...common, busySandboxes: () => stores.tasks.sandboxesWithOpenTasks() });
  const reconciler = new Reconciler(common);
  const jobs = [
    { name: 'sweep', everyMs: SWEEP_MS, run: () => sweeper.sweep() },
    { name: 'reconcile', everyMs: RECONCILE_MS, run: () => reconciler.reconcile() },
    {
      name: 'link',
      everyMs: LINK_MS,
      run: async () => services.boxLinks.sync(await stores.sandboxes.listLive()),
    },
  ];
  for (const job of jobs) services.background.run(job.name, (signal) => repeat(job, { logger, signal }));
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

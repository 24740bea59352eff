import { buildImage } from '@banata/image';
import type { Config } from '@banata/config';
import { createOciDriver, type SandboxDriver } from '@banata/drivers';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { createApp } from './api/app.ts';
import { EventStreams } from './api/sse.ts';
import { BoxClient } from './boxes/box-client.ts';
import { Boxes } from './boxes/boxes.ts';
import { BoxesListener } from './boxes/boxes-listener.ts';
import { connectDatabase, type Database } from './database/connect.ts';
import { EmbeddedPostgres } from './database/embedded-postgres.ts';
import { migrate } from './database/migrate.ts';
import { Notifications } from './database/notifications.ts';
import type { UpgradeDeps } from './gateway/upgrades.ts';
import { BoxEventApplier } from './jobs/box-event-applier.ts';
import { BoxLinks } from './jobs/box-links.ts';
import { Reconciler } from './jobs/reconciler.ts';
import { repeat } from './jobs/repeat.ts';
import { Sweeper } from './jobs/sweeper.ts';
import type { Logger } from './logger.ts';
import { loadSecret } from './secret-file.ts';
import { AccessService } from './services/access.ts';
import { ActivityService } from './services/activity.ts';
import { AgentService } from './services/agent/agent-service.ts';
import { ArtifactService } from './services/artifacts.ts';
import { Background } from './services/background.ts';
import { BrowserService } from './services/browser.ts';
import { ExecutionService } from './services/execution.ts';
import { FileService } from './services/files.ts';
import { Links } from './services/links.ts';
import { createOutboundGuard } from './services/net/outbound-guard.ts';
import { Provisioner } from './services/sandboxes/provisioner.ts';
import { SandboxService } from './services/sandboxes/sandbox-service.ts';
import { Terminator } from './services/sandboxes/terminator.ts';
import { Secrets } from './services/secrets.ts';
import { AccessStore } from './stores/access-store.ts';
import { ArtifactStore } from './stores/artifact-store.ts';
import { EVENTS_CHANNEL, EventStore } from './stores/event-store.ts';
import { ModelUsageStore } from './stores/model-usage-store.ts';
import { LocalObjectStore } from './stores/object-store.ts';
import { SandboxStore } from './stores/sandbox-store.ts';
import { TASKS_CHANNEL, TaskStore } from './stores/task-store.ts';
import { version } from './version.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
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

/** How to reach the database of the settings; starts the embedded one. */
export async function openDatabase(config: Config): Promise<pg.PoolConfig> {
  if (config.databaseUrl !== undefined) return { connectionString: config.databaseUrl };
  const embedded = new EmbeddedPostgres(config.paths.postgres);
  await embedded.ensureRunning();
  return embedded.connection;
}

/** The driver of the settings. Builds the sandbox image where it is missing. */
export async function openDriver(config: Config, logger: Logger): Promise<SandboxDriver> {
  const image = await buildImage({
    cacheDir: config.cache,
    ...(config.image.debianMirror === undefined ? {} : { debianMirror: config.image.debianMirror }),
    ...(config.image.extraCaFile === undefined ? {} : { extraCaFile: config.image.extraCaFile }),
    onProgress: (progress) =>
      logger.info({ event: 'image.progress', ...progress }, 'building the sandbox image'),
    signal: AbortSignal.timeout(60 * 60_000),
  });
  return createOciDriver({
    instanceId: config.instanceId,
    dataDir: config.paths.driver,
    runDir: join(config.paths.run, 'oci'),
    imageLayers: image.layers,
    boxdDir: join(repository, 'packages/boxd/dist/box'),
    ...(config.driver.subnet === undefined ? {} : { subnet: config.driver.subnet }),
    poolBytes: config.driver.poolBytes,
    reservePool: config.driver.reservePool,
    warm: config.driver.warm,
    defaultLimits: config.limits,
    allowPrivateCidrs: config.driver.allowPrivate,
    hostPorts: config.hostPorts,
    logger,
    runtime: 'runc',
  });
}

/** Builds the graph of a server: everything gets what it needs by constructor. */
export async function compose(
  config: Config,
  options: { logger: Logger; publicUrl: () => string },
): Promise<Composition> {
  const { logger, publicUrl } = options;
  const now = Date.now;
  const connection = await openDatabase(config);
  const { db, pool } = connectDatabase(connection);
  await migrate(db);
  const notifications = new Notifications(connection, [EVENTS_CHANNEL, TASKS_CHANNEL], logger);
  const driver = await openDriver(config, logger);
  const [serviceAddress] = await Promise.all([driver.start(), notifications.start()]);

  const secrets = new Secrets(await loadSecret(config.paths.secret));
  const stores = createStores(db);
  const client = new BoxClient();
  const boxes = new Boxes(driver, client);
  const background = new Background(logger);
  const guard = createOutboundGuard({ allowHosts: config.models.allowHosts });
  const links = new Links(secrets, publicUrl, now);
  const access = new AccessService(stores.access, now);
  const activity = new ActivityService(stores.sandboxes, now);
  // One server per installation so far, so its name is stable: a restarted one takes its own leases up at once.
  const serverId = config.instanceId;

  const terminator = new Terminator({
    store: stores.sandboxes,
    tasks: stores.tasks,
    driver,
    boxes,
    logger,
    now,
  });
  const provisioner = new Provisioner({
    ...{
      store: stores.sandboxes,
      driver,
      boxes,
      secrets,
      config,
      serviceAddress,
      serverId,
      background,
      logger,
      now,
    },
    attach: (id) => boxLinks.attach(id),
  });
  const sandboxes = new SandboxService({
    store: stores.sandboxes,
    secrets,
    links,
    provisioner,
    terminator,
    config,
    now,
  });
  const files = new FileService(sandboxes, boxes, activity);
  const objects = new LocalObjectStore(config.paths.artifacts);
  const artifacts = new ArtifactService({ sandboxes, files, store: stores.artifacts, objects, links, now });
  const applier = new BoxEventApplier({ ...stores, artifacts, now });
  const boxLinks = new BoxLinks({
    ...{ store: stores.sandboxes, tasks: stores.tasks, boxes, applier, notifications, logger, serverId, now },
  });
  const listener = new BoxesListener({
    ...{
      address: serviceAddress,
      config,
      store: stores.sandboxes,
      usage: stores.usage,
      secrets,
      guard,
      logger,
    },
  });
  await listener.start();

  const app = createApp({
    access,
    sandboxes,
    files,
    artifacts,
    links,
    logger,
    execution: new ExecutionService(sandboxes, boxes, activity),
    browser: new BrowserService({ sandboxes, store: stores.sandboxes, boxes, links, activity, now }),
    agent: new AgentService({
      ...{ sandboxes, tasks: stores.tasks, boxes, activity, secrets, notifications, now },
      serverModels: config.models.variables,
    }),
    events: stores.events,
    streams: new EventStreams(stores.events, notifications),
    pages: { version, publicUrl, webDir: join(repository, 'packages/web/dist'), swaggerDir: swaggerDir() },
    checkReady: async () => void (await Promise.all([pool.query('select 1'), driver.list()])),
  });

  const sweeper = new Sweeper({
    ...{ store: stores.sandboxes, activity, terminator, now },
    busySandboxes: () => stores.tasks.sandboxesWithOpenTasks(),
  });
  const reconciler = new Reconciler({
    store: stores.sandboxes,
    driver,
    provisioner,
    terminator,
    serverId,
    logger,
    now,
  });
  const startJobs = () => {
    const jobs = [
      { name: 'sweep', everyMs: SWEEP_MS, run: () => sweeper.sweep() },
      { name: 'reconcile', everyMs: RECONCILE_MS, run: () => reconciler.reconcile() },
      { name: 'link', everyMs: LINK_MS, run: async () => boxLinks.sync(await stores.sandboxes.listLive()) },
    ];
    for (const job of jobs) background.run(job.name, (signal) => repeat(job, { logger, signal }));
  };

  return {
    app,
    access,
    upgrades: { store: stores.sandboxes, boxes, links, activity, logger },
    startJobs,
    close: async () => {
      await background.close(STOP_GRACE_MS);
      await boxLinks.close();
      await activity.flush();
      await listener.close();
      await client.close();
      await guard.close();
      await driver.close();
      await notifications.close();
      await pool.end();
    },
  };
}

function createStores(db: Database) {
  const events = new EventStore(db);
  return {
    events,
    access: new AccessStore(db),
    sandboxes: new SandboxStore(db, events),
    tasks: new TaskStore(db, events),
    artifacts: new ArtifactStore(db, events),
    usage: new ModelUsageStore(db),
  };
}

function swaggerDir(): string {
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
}

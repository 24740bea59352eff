import { buildImage } from '@banata/image';
import type { Config } from '@banata/config';
import { createOciDriver, type SandboxDriver, type ServiceAddress } from '@banata/drivers';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { BoxClient } from './boxes/box-client.ts';
import { Boxes } from './boxes/boxes.ts';
import { installDaemon } from './boxes/install-daemon.ts';
import { connectDatabase } from './database/connect.ts';
import { EmbeddedPostgres } from './database/embedded-postgres.ts';
import { migrate } from './database/migrate.ts';
import { Notifications } from './database/notifications.ts';
import type { Logger } from './logger.ts';
import { checkSecret } from './secret-check.ts';
import { loadSecret } from './secret-file.ts';
import { ModelAccounts } from './services/models/model-accounts.ts';
import { ModelKeys } from './services/models/model-keys.ts';
import { PriceTable } from './services/models/price-table.ts';
import { createEgress, type Egress } from './services/network/egress.ts';
import { Secrets } from './services/secrets.ts';
import { openTracing } from './tracing/open-tracing.ts';
import type { Tracing } from './tracing/tracing.ts';
import type { AccessStores } from './services/access/build-access.ts';
import { ApiKeyStore } from './stores/api-key-store.ts';
import { ArtifactStore } from './stores/artifact-store.ts';
import { AuditStore } from './stores/audit-store.ts';
import { CONTROL_CHANNEL, ControlStore } from './stores/control-store.ts';
import { CheckpointStore } from './stores/checkpoint-store.ts';
import { HandoffStore } from './stores/handoff-store.ts';
import { DeliveryStore } from './stores/delivery-store.ts';
import { DELIVERIES_CHANNEL, EVENTS_CHANNEL, EventStore } from './stores/event-store.ts';
import { IdempotencyStore } from './stores/idempotency-store.ts';
import { ModelKeyStore } from './stores/model-key-store.ts';
import { ModelUsageStore } from './stores/model-usage-store.ts';
import { NetworkLogStore } from './stores/network-log-store.ts';
import type { ObjectStore } from './stores/objects/object-store.ts';
import { openObjectStore } from './stores/objects/open-object-store.ts';
import { OrganizationStore } from './stores/organization-store.ts';
import { OutboxStore } from './stores/outbox-store.ts';
import { ProfileStore } from './stores/profile-store.ts';
import { PlanStore } from './stores/plan-store.ts';
import { RateBucketStore } from './stores/rate-bucket-store.ts';
import { PortStore } from './stores/port-store.ts';
import { SandboxStore } from './stores/sandbox-store.ts';
import { SignInTriesStore } from './stores/sign-in-tries-store.ts';
import { SkillStore } from './stores/skill-store.ts';
import { UsageStore } from './stores/usage-store.ts';
import { TransferStore } from './stores/transfer-store.ts';
import { TaskSpendingStore } from './stores/task-spending-store.ts';
import { TASKS_CHANNEL, TaskStore } from './stores/task-store.ts';
import { UserStore } from './stores/user-store.ts';
import { WebhookStore } from './stores/webhook-store.ts';

/** The checkout's folder. */
export const repository: string = fileURLToPath(new URL('../../..', import.meta.url));

const IMAGE_BUILD_TIMEOUT_MS = 60 * 60_000;

export interface Stores {
  events: EventStore;
  access: AccessStores;
  sandboxes: SandboxStore;
  tasks: TaskStore;
  artifacts: ArtifactStore;
  checkpoints: CheckpointStore;
  usage: ModelUsageStore;
  plans: PlanStore;
  sandboxUsage: UsageStore;
  rateBuckets: RateBucketStore;
  idempotency: IdempotencyStore;
  networkLog: NetworkLogStore;
  ports: PortStore;
  skills: SkillStore;
  objects: ObjectStore;
  /** What a remote object store does not have yet; undefined where the store is the local disk. */
  spool: ObjectStore | undefined;
  transfers: TransferStore;
  profiles: ProfileStore;
  control: ControlStore;
  handoffs: HandoffStore;
  webhooks: WebhookStore;
  deliveries: DeliveryStore;
  outbox: OutboxStore;
}

/** What the services stand on: the outside world, opened. */
export interface Foundations {
  config: Config;
  logger: Logger;
  now: () => number;
  /** Name of this server in leases. */
  serverId: string;
  pool: pg.Pool;
  /** Starts the embedded database again; undefined when the database is the operator's. */
  restartDatabase: (() => Promise<void>) | undefined;
  notifications: Notifications;
  stores: Stores;
  secrets: Secrets;
  /** Of organizations. */
  modelKeys: ModelKeys;
  modelAccounts: ModelAccounts;
  driver: SandboxDriver;
  serviceAddress: ServiceAddress;
  boxes: Boxes;
  egress: Egress;
  boxClient: BoxClient;
  tracing: Tracing;
}

/** How to reach the database of the settings; starts the embedded one. */
async function openDatabase(
  config: Config,
): Promise<{ connection: pg.PoolConfig; restartDatabase?: () => Promise<void> }> {
  if (config.databaseUrl !== undefined) return { connection: { connectionString: config.databaseUrl } };
  const embedded = new EmbeddedPostgres(config.paths.postgres);
  // PostgreSQL's account has to get through to its folder below; it cannot list what else is there.
  await mkdir(config.home, { recursive: true });
  await chmod(config.home, 0o711);
  await embedded.ensureRunning();
  return { connection: embedded.connection, restartDatabase: () => embedded.ensureRunning() };
}

/** The driver of the settings. Builds the sandbox image where it is missing. */
export async function openDriver(config: Config, logger: Logger): Promise<SandboxDriver> {
  const image = await buildImage({
    cacheDir: config.cache,
    ...(config.image.debianMirror === undefined ? {} : { debianMirror: config.image.debianMirror }),
    ...(config.image.extraCaFile === undefined ? {} : { extraCaFile: config.image.extraCaFile }),
    onProgress: (progress) =>
      logger.info({ event: 'image.progress', ...progress }, 'building the sandbox image'),
    signal: AbortSignal.timeout(IMAGE_BUILD_TIMEOUT_MS),
  });
  return createOciDriver({
    instanceId: config.instanceId,
    dataDir: config.paths.driver,
    runDir: join(config.paths.run, 'oci'),
    imageLayers: image.layers,
    boxdDir: await installDaemon(join(repository, 'packages/boxd/dist/box'), join(config.home, 'boxd')),
    ...(config.driver.subnet === undefined ? {} : { subnet: config.driver.subnet }),
    poolBytes: config.driver.poolBytes,
    reservePool: config.driver.reservePool,
    warm: (['none', 'browser', 'agent'] as const).map((services) => ({
      isolation: config.isolation.default,
      services,
      count: config.driver.warm[services],
    })),
    defaultLimits: config.limits,
    allowPrivateCidrs: config.driver.allowPrivate,
    hostPorts: config.hostPorts,
    logger,
    isolation: config.isolation.default,
    isolations: config.isolation.override ? ['container', 'gvisor'] : [],
    runscPath: config.isolation.runscPath,
  });
}

/** Opens database, driver and stores. `open` makes the driver; by default the one of the settings. */
export async function openFoundations(
  config: Config,
  logger: Logger,
  open: typeof openDriver = openDriver,
): Promise<Foundations> {
  const prices = await PriceTable.load(config.models.pricesFile);
  const { connection, restartDatabase } = await openDatabase(config);
  const { db, pool } = connectDatabase(connection, logger);
  await migrate(db);
  const secrets = new Secrets(await loadSecret(config.paths.secret, config.secretKey));
  await checkSecret(db, secrets, config);
  const notifications = new Notifications(
    connection,
    [EVENTS_CHANNEL, TASKS_CHANNEL, DELIVERIES_CHANNEL, CONTROL_CHANNEL],
    logger,
  );
  const driver = await open(config, logger);
  const [serviceAddress] = await Promise.all([driver.start(), notifications.start()]);
  const events = new EventStore(db);
  const control = new ControlStore(db, events);
  await events.adoptClock();
  const tracing = await openTracing(config.tracing, logger, config.instanceId);
  const boxClient = new BoxClient(tracing);
  const networkLog = new NetworkLogStore(db);
  const tasks = new TaskStore(db, events);
  const usage = new ModelUsageStore(db);
  const transfers = new TransferStore(db, events, config.instanceId);
  const artifacts = new ArtifactStore(db, events, transfers);
  return {
    config,
    logger,
    now: Date.now,
    // One server per installation, so its name is stable: a restarted one takes its own leases up at once.
    serverId: config.instanceId,
    pool,
    restartDatabase,
    notifications,
    stores: {
      events,
      access: {
        organizations: new OrganizationStore(db),
        keys: new ApiKeyStore(db),
        users: new UserStore(db),
        signInTries: new SignInTriesStore(db),
        audit: new AuditStore(db),
      },
      sandboxes: new SandboxStore(db, events),
      tasks,
      skills: new SkillStore(db),
      artifacts,
      checkpoints: new CheckpointStore(db, events, artifacts),
      usage,
      plans: new PlanStore(db),
      sandboxUsage: new UsageStore(db),
      rateBuckets: new RateBucketStore(db),
      idempotency: new IdempotencyStore(db),
      networkLog,
      ports: new PortStore(db, events),
      ...(await openObjectStore(config)),
      transfers,
      profiles: new ProfileStore(db, transfers),
      control,
      handoffs: new HandoffStore(db, events, control),
      webhooks: new WebhookStore(db),
      deliveries: new DeliveryStore(db),
      outbox: new OutboxStore(db, config.instanceId),
    },
    secrets,
    modelKeys: new ModelKeys({ store: new ModelKeyStore(db), secrets, now: Date.now }),
    modelAccounts: new ModelAccounts({ usage, tasks, spending: new TaskSpendingStore(db), prices }),
    driver,
    serviceAddress,
    boxClient,
    tracing,
    boxes: new Boxes(driver, boxClient),
    egress: createEgress({ driver, serviceAddress, sink: networkLog, logger, now: Date.now }),
  };
}

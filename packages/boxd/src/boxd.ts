import type { BoxConfig } from '@banata/protocol/box';
import { chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createCodeService } from './code/service.ts';
import type { BoxdConfig } from './config.ts';
import { ConfigStore } from './configuration/config-store.ts';
import { createConfigurationService } from './configuration/service.ts';
import { Journal } from './events/journal.ts';
import { createEventsService } from './events/service.ts';
import { commandEnvironment } from './exec/command-environment.ts';
import { CommandRunner } from './exec/command-runner.ts';
import { createExecService } from './exec/service.ts';
import { createFilesService } from './files/service.ts';
import { Router, type LazyPart } from './http/router.ts';
import { HttpServer } from './http/server.ts';
import { endLeftovers } from './leftovers.ts';
import { beginLife } from './life.ts';
import { DiskReserve } from './limits/disk-reserve.ts';
import { LimitsService } from './limits/service.ts';
import { outputBytesOf } from './limits/usage.ts';
import { OptionalParts } from './optional-parts.ts';
import { createPortsService } from './ports/service.ts';
import { proxyEnvironment } from './proxy/proxy-environment.ts';
import { rehearseWhenIdle } from './rehearsal.ts';
import type { Account, BoxEnvironment, BoxLogger } from './services.ts';
import { SudoServer } from './sudo/sudo-server.ts';
import { WorkParts, type WorkPartsOptions } from './work-parts.ts';
import { keepWorkspace, repairWorkspace } from './workspace.ts';

/** A running daemon. */
export interface Boxd {
  /** Port it listens on. */
  port: number;
  /** Ends everything it started and stops listening. */
  stop(): Promise<void>;
}

/**
 * Puts the daemon together and starts it. Resolves when it takes requests. Files are read and written on the way there
 * without the thread pool: there is nothing else to do yet, and a way through the pool takes longer than the work.
 */
export async function startBoxd(config: BoxdConfig, logger: BoxLogger): Promise<Boxd> {
  const startedAt = performance.now();
  const { boot, environment } = config;
  prepareDirectories(environment);
  await beginLife(environment.stateDir, boot.token);
  await endLeftovers(environment, logger);

  const store = new ConfigStore(join(environment.stateDir, 'config.json'));
  const { journal, limits, runner } = createCore(environment, store, logger);
  const restored = store.load();
  await Promise.all([journal.open(), runner.open()]);

  const commandEnv = (account: Account): Record<string, string> =>
    commandEnvironment({
      account,
      path: account === environment.accounts.user ? environment.path : systemPath(environment),
      base: config.commandBase,
      configured: { ...proxyEnvironment(store.current), ...store.current?.env },
    });
  const files = createFiles(config, limits, logger);
  const optional = new OptionalParts({
    environment,
    events: journal,
    logger,
    runCommandEnv: () => commandEnv(environment.accounts.user),
  });
  const work = createWork(config, { logger, store, limits, commandEnv });
  const apply = async (wanted: BoxConfig): Promise<void> => {
    if (wanted.documents) void work.warmDocuments();
    await optional.start(wanted);
  };
  const parts = [
    createConfigurationService({ store, apply, startedAt }),
    createExecService({ environment, runner, commandEnv }),
    createCodeService({ environment, runner, commandEnv, runtime: () => store.current?.runtime ?? 'base' }),
    files,
    createEventsService({ journal, logger }),
    limits,
  ];
  await work.open();
  const ports = createPortsService({ ownPorts: async () => [boot.port, ...(await optional.ownPorts())] });
  const router = new Router({
    routes: parts.flatMap(({ routes }) => routes),
    upgrades: ports.upgrades,
    lazy: [...optional.lazyParts, ...work.lazyParts, archivePart(environment, store)],
  });
  const server = new HttpServer({
    token: boot.token,
    router,
    journalCursor: () => journal.newestCursor,
    logger,
  });
  const sudo = new SudoServer({
    environment,
    logger,
    base: () => ({ ...config.commandBase, ...proxyEnvironment(store.current) }),
    path: systemPath(environment),
  });
  await Promise.all([sudo.start(), limits.start()]);
  const port = await server.listen(boot.port);
  logger.info('boxd.listening', { port, sinceProcessStartMs: Math.round(performance.now()) });
  // Commands and files work even when the browser or the agent cannot be started again.
  const callOffRehearsal = rehearseWhenIdle({
    port,
    token: boot.token,
    isIdle: () => store.current === null,
  });
  if (restored)
    await apply(restored).catch((error: unknown) => logger.error('boxd.restore_failed', { error }));
  else if (boot.prepare)
    await optional
      .prepare(boot.prepare)
      .catch((error: unknown) => logger.error('boxd.prepare_failed', { error }));

  const stop = async (): Promise<void> => {
    callOffRehearsal();
    await server.close();
    await Promise.all([optional.stop(), work.stop(), runner.close(), files.stop(), sudo.stop()]);
    await limits.stop();
    await journal.close();
  };
  return { port, stop };
}

/** What everything else of the daemon stands on. */
function createCore(
  environment: BoxEnvironment,
  store: ConfigStore,
  logger: BoxLogger,
): { journal: Journal; limits: LimitsService; runner: CommandRunner } {
  const reserve = new DiskReserve(environment.stateDir, logger);
  const makeRoom = async (): Promise<void> => {
    limits.diskFull();
    await reserve.release();
  };
  const journal = new Journal({ directory: join(environment.stateDir, 'journal'), makeRoom });
  const limits = new LimitsService({
    environment,
    events: journal,
    logger,
    reserve,
    limits: () => store.current?.limits,
  });
  const accounts = Object.values(environment.accounts);
  const runner = new CommandRunner({
    directory: join(environment.stateDir, 'exec'),
    spareDirectory: join(environment.runDir, 'exec'),
    accounts,
    logger,
    limits,
    outputBytes: () => outputBytesOf(store.current?.limits),
    repairDirectory: async (path) =>
      path === environment.workspace && (await repairWorkspace(path, environment.accounts.user, logger)),
  });
  return { journal, limits, runner };
}

function createFiles(
  { environment, filesWorkerScript }: BoxdConfig,
  limits: LimitsService,
  logger: BoxLogger,
): ReturnType<typeof createFilesService> {
  return createFilesService({
    environment,
    logger,
    script: filesWorkerScript,
    diskFull: () => limits.diskFull(),
    keepWorkspace: () => keepWorkspace(environment.workspace, environment.accounts.user, logger),
  });
}

/** Files of the box as an archive, for drivers that cannot copy disks: loaded when it is first used. */
function archivePart(environment: BoxEnvironment, store: ConfigStore): LazyPart {
  const load = async () => {
    const { createArchiveService } = await import('./archive/service.ts');
    const service = createArchiveService({ environment, isFresh: () => store.current === null });
    return { ...service, upgrades: [] };
  };
  return { prefix: '/archive', load };
}

function createWork(
  { environment, programs }: BoxdConfig,
  parts: Pick<WorkPartsOptions, 'logger' | 'commandEnv'> & { store: ConfigStore; limits: LimitsService },
): WorkParts {
  const { store, limits, ...common } = parts;
  return new WorkParts({
    ...common,
    environment,
    programs,
    outputBytes: () => outputBytesOf(store.current?.limits),
    documents: {
      path: systemPath(environment),
      enabled: () => store.current?.documents ?? false,
      limits: () => store.current?.limits,
      diskFull: () => limits.diskFull(),
    },
  });
}

/** PATH without the user's folders: what root runs must not come from there. */
function systemPath({ path, accounts }: BoxEnvironment): string {
  const parts = path.split(':').filter((part) => !part.startsWith(`${accounts.user.home}/`));
  return parts.join(':');
}

function prepareDirectories({ stateDir, runDir, workspace, accounts }: BoxEnvironment): void {
  // Accounts other than root pass through to what is theirs, but do not list.
  for (const path of [stateDir, runDir]) mkdirSync(path, { recursive: true, mode: 0o711 });
  mkdirSync(workspace, { recursive: true });
  const { user } = accounts;
  if (statSync(workspace).uid !== user.uid) chownSync(workspace, user.uid, user.gid);
}

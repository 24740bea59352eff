import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { DriverError } from '../driver.ts';
import { BoxHost } from './box-host.ts';
import { BoxRests, hasSlot } from './box-rests.ts';
import { OPEN_NETWORK } from './box-network.ts';
import { BoxRecords } from './box-record.ts';
import type { BoxRecord } from './box-record.ts';
import { Cgroups } from './cgroups.ts';
import { claimHostRange, releaseHostRange, removeClaimFolder } from './claims.ts';
import type { Claim } from './claims.ts';
import { DiskCopies } from './disk-copies.ts';
import { IMAGE_NOTE, imageNote } from './image-note.ts';
import { CommandError, commandRunner, runCommand } from './command.ts';
import type { RunCommand } from './command.ts';
import { makeFolder, readJson, writeAtomic } from './files.ts';
import { HostNetwork, usedAddressBlocks } from './host-network.ts';
import type { FileLock } from './kernel/file-lock.ts';
import { readMountTable } from './kernel/mount-table.ts';
import { makePrivate, mountBind, unmount } from './kernel/mounts.ts';
import type { LeftoverOptions } from './leftovers.ts';
import type { Logger } from './logger.ts';
import { Pool } from './pool.ts';
import { RootfsMounter } from './rootfs.ts';
import { Runtimes } from './runtimes.ts';
import type { OciSettings } from './settings.ts';
import { SlotPool } from './slot-pool.ts';
import { readTraffic } from './traffic.ts';
import { removeNetnsFolder, SlotNamespaces } from './slot.ts';

/** Shared by all installations of a host; /run is empty after a reboot, as their boxes are gone then. */
const CLAIM_FOLDER = '/run/banata';

/** Programs the driver runs, and the Debian packages they come in. */
const PROGRAMS: Record<string, string> = {
  runc: 'runc',
  ip: 'iproute2',
  tc: 'iproute2',
  nft: 'nftables',
  btrfs: 'btrfs-progs',
  'mkfs.btrfs': 'btrfs-progs',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  fallocate: 'util-linux',
  mount: 'mount',
  tar: 'tar',
  zstd: 'zstd',
};

/** Debian packages that a host needs for the oci driver. */
export const OCI_HOST_PACKAGES: readonly string[] = [...new Set(Object.values(PROGRAMS))];

async function isInstalled(program: string): Promise<boolean> {
  try {
    // Whatever it answers to this, it is there.
    await runCommand(program, ['--version']);
    return true;
  } catch (error) {
    return error instanceof CommandError && error.exitCode !== null;
  }
}

async function checkHost(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new DriverError(
      'HOST_UNSUITABLE',
      'The oci driver needs Linux and root. Start the server as root.',
    );
  }
  const found = await Promise.all(
    Object.entries(PROGRAMS).map(async ([program, pack]) => ((await isInstalled(program)) ? [] : [pack])),
  );
  const missing = [...new Set(found.flat())];
  if (missing.length > 0) {
    throw new DriverError(
      'HOST_UNSUITABLE',
      `Programs are missing on this host: apt-get install ${missing.join(' ')}`,
    );
  }
}

/** While the runtime starts a box it acts as the box's root, to whom the host's folders belong to somebody else. */
async function checkReachable(folder: string): Promise<void> {
  for (let parent = folder; parent !== '/'; parent = path.dirname(parent)) {
    if (((await stat(parent)).mode & 0o001) !== 0) continue;
    throw new DriverError(
      'HOST_UNSUITABLE',
      `Boxes cannot be started below ${folder}: others may not enter ${parent}. Run "chmod o+x ${parent}", or use another folder.`,
    );
  }
}

function previousBlock(record: unknown): number | undefined {
  if (typeof record !== 'object' || record === null || !('block' in record)) return undefined;
  return typeof record.block === 'number' ? record.block : undefined;
}

/** Mounts below the run folder must not spread into other mount namespaces, where they would stay. */
async function makeRunFolder({ runDir, paths }: OciSettings): Promise<void> {
  await makeFolder(runDir, 0o711);
  await checkReachable(runDir);
  if (!(await readMountTable()).some((entry) => entry.mountPoint === runDir)) mountBind(runDir, runDir);
  makePrivate(runDir);
  const folders = [paths.bundles, paths.mounts, paths.userNamespaces, paths.runtimeRoot, paths.runscRoot];
  for (const folder of folders) await makeFolder(folder, 0o711);
}

/** A box can send what is in its own memory to such a program, which is often root's and has had holes (core(5)). */
async function warnOfCoreHandler(logger: Logger): Promise<void> {
  const pattern = (await readFile('/proc/sys/kernel/core_pattern', 'utf8')).trim();
  if (!pattern.startsWith('|')) return;
  logger.warn(
    { corePattern: pattern },
    'crashes in boxes can start a program of this host: set kernel.core_pattern to a file name, such as "core"',
  );
}

async function hardLimitOfOpenFiles(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(limits)?.[1];
  return hard === undefined ? Number.MAX_SAFE_INTEGER : Number(hard);
}

interface HostParts {
  lock: FileLock;
  run: RunCommand;
  network: HostNetwork;
  cgroups: Cgroups;
  runtimes: Runtimes;
  limitsSwap: boolean;
  mostOpenFiles: number;
  mtu: number;
}

/** A host that is ready for boxes: everything they share, and the parts that make and end them. */
export class OciHost {
  readonly network: HostNetwork;
  readonly boxes: BoxHost;
  readonly copies: DiskCopies;
  readonly rests: BoxRests;
  readonly slots: SlotPool;
  readonly records: BoxRecords;
  readonly cgroups: Cgroups;
  readonly runtimes: Runtimes;
  readonly leftoverOptions: LeftoverOptions;
  readonly #settings: OciSettings;
  readonly #pool: Pool;

  private constructor(settings: OciSettings, claim: Claim, parts: HostParts) {
    const { paths, names, logger, defaultLimits } = settings;
    this.#settings = settings;
    this.cgroups = parts.cgroups;
    this.runtimes = parts.runtimes;
    const { network, run } = parts;
    this.network = network;
    this.#pool = new Pool({ run, paths, bytes: settings.poolBytes, reserve: settings.reservePool, logger });
    const namespaces = new SlotNamespaces({
      run,
      names,
      userNamespaceFolder: paths.userNamespaces,
      serviceAddress: this.network.serviceAddress,
      mtu: parts.mtu,
      firstId: claim.firstId,
      boxAddress: (slot) => this.network.boxAddress(slot),
    });
    const diskFiles = this.#diskFiles();
    this.slots = new SlotPool({
      namespaces,
      pool: this.#pool,
      spare: settings.spareSlots,
      capacity: claim.slots,
      defaultLimits,
      diskFiles: { ...diskFiles, [IMAGE_NOTE]: imageNote(settings.imageLayers) },
      logger,
    });
    this.copies = new DiskCopies({
      run,
      paths,
      pool: this.#pool,
      lockFd: parts.lock.fd,
      imageLayers: settings.imageLayers,
      diskFiles,
      mostBytes: settings.poolBytes,
    });
    this.records = new BoxRecords(paths.records);
    this.boxes = new BoxHost({
      records: this.records,
      slots: this.slots,
      namespaces,
      pool: this.#pool,
      copies: this.copies,
      rootfs: new RootfsMounter({
        folder: paths.mounts,
        imageLayers: settings.imageLayers,
        daemonFolder: settings.boxdDir,
      }),
      runtimes: parts.runtimes,
      cgroups: this.cgroups,
      limitsSwap: parts.limitsSwap,
      traffic: (slot) => readTraffic(names.link(slot)),
      mostOpenFiles: parts.mostOpenFiles,
      bundleFolder: paths.bundles,
      network: this.network,
      contents: [settings.boxdDir, ...settings.imageLayers].join(':'),
      boxPort: settings.boxPort,
      startTimeoutMs: settings.startTimeoutMs,
      logger,
    });
    this.rests = this.#makeRests();
    this.leftoverOptions = {
      boxes: this.boxes,
      cgroups: this.cgroups,
      pool: this.#pool,
      runtimes: parts.runtimes,
      namespaces,
      bundleFolder: paths.bundles,
      mountFolder: paths.mounts,
      logger,
    };
  }

  /** Prepares the host. @throws DriverError HOST_UNSUITABLE saying what it lacks. */
  static async open(settings: OciSettings, lock: FileLock): Promise<OciHost> {
    await checkHost();
    const run = commandRunner(lock);
    const { paths, names } = settings;
    const claim = await claimHostRange({
      instanceId: names.instanceId,
      folder: CLAIM_FOLDER,
      subnet: settings.subnet,
      previous: previousBlock(await readJson(paths.hostRecord)),
      taken: await usedAddressBlocks(`bn${names.instanceId}`, run),
    });
    await writeAtomic(paths.hostRecord, JSON.stringify({ block: claim.block }));
    const cgroups = await Cgroups.open(names.cgroup);
    const network = new HostNetwork({ settings, claim, claimFolder: CLAIM_FOLDER, run });
    await makeRunFolder(settings);
    await warnOfCoreHandler(settings.logger);
    const [mtu, limitsSwap, mostOpenFiles, runtimes] = await Promise.all([
      network.uplinkMtu(),
      cgroups.limitsSwap(),
      hardLimitOfOpenFiles(),
      Runtimes.open(settings, run),
    ]);
    const parts = { run, lock, network, cgroups, mtu, limitsSwap, mostOpenFiles, runtimes };
    const host = new OciHost(settings, claim, parts);
    await host.#prepare();
    return host;
  }

  async #prepare(): Promise<void> {
    await this.records.open();
    const boxes = (await this.records.readAll()).filter(hasSlot).map(({ slot, network = OPEN_NETWORK }) => ({
      slot,
      network,
    }));
    await Promise.all([this.#pool.open(), this.network.open(boxes)]);
    await Promise.all([this.copies.open(), this.rests.open()]);
  }

  #makeRests(): BoxRests {
    const { paths, imageLayers, logger } = this.#settings;
    const { boxes, slots, copies, cgroups, runtimes } = this;
    const parts = { boxes, slots, copies, cgroups, runtimes, pool: this.#pool };
    return new BoxRests({ ...parts, imageLayers, memories: paths.memories, logger });
  }

  #diskFiles(): Record<string, string> {
    const { dnsServers, extraHosts } = this.#settings;
    const service = this.network.serviceAddress;
    const hosts = [
      '127.0.0.1 localhost',
      '127.0.1.1 banata',
      `${service} host.banata.internal`,
      ...Object.entries(extraHosts).map(([name, address]) => `${address} ${name}`),
    ];
    const servers = dnsServers ?? [service];
    return {
      hosts: `${hosts.join('\n')}\n`,
      hostname: 'banata\n',
      'resolv.conf': `${servers.map((server) => `nameserver ${server}`).join('\n')}\noptions timeout:2 attempts:2\n`,
    };
  }

  /** Folder of a box's disk on the host. */
  diskOf({ name }: BoxRecord): string {
    return this.#pool.diskPath(name);
  }

  /** @throws {@link DriverError} CAPACITY_EXHAUSTED when no disk space is left for another box. */
  async checkRoom(): Promise<void> {
    await this.#pool.checkRoom();
  }

  /** Takes everything of the instance off the host. All boxes and slots must be gone. */
  async remove(): Promise<void> {
    const { paths, runDir, names } = this.#settings;
    await this.#pool.remove();
    await removeNetnsFolder();
    await this.cgroups.removeParent();
    while (unmount(runDir));
    await rm(runDir, { recursive: true, force: true });
    await this.records.removeFolder();
    await rm(paths.hostRecord, { force: true });
    await this.network.remove(await releaseHostRange(CLAIM_FOLDER, names.instanceId));
    await removeClaimFolder(CLAIM_FOLDER);
  }
}

import { randomBytes } from 'node:crypto';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { DriverError } from '../driver.ts';
import type { BoxIsolation, BoxLimits, BoxNetwork, BoxServices, BoxUsage } from '../driver.ts';
import { groupLimits } from './box-limits.ts';
import { OPEN_NETWORK } from './box-network.ts';
import { NO_SLOT } from './box-record.ts';
import type { BoxRecord, BoxRecords } from './box-record.ts';
import type { RestoredContents } from '../lasting.ts';
import type { Cgroups } from './cgroups.ts';
import { CpuPlaces } from './cpu-places.ts';
import type { DiskContents, DiskCopies } from './disk-copies.ts';
import { readIfPresent, readTail } from './files.ts';
import { waitForHealth } from './health.ts';
import { identifyProcess, isAlive } from './host-process.ts';
import type { HostProcess } from './host-process.ts';
import type { HostNetwork } from './host-network.ts';
import type { Logger } from './logger.ts';
import { lxcfsFolder } from './lxcfs.ts';
import type { Pool } from './pool.ts';
import type { RootfsMounter } from './rootfs.ts';
import type { Runtimes } from './runtimes.ts';
import type { PreparedSlot, SlotPool } from './slot-pool.ts';
import type { SlotNamespaces } from './slot.ts';
import { buildSpec } from './spec.ts';
import { Stopwatch } from './stopwatch.ts';

/** Version of the protocol between server and box daemon that this driver starts daemons for. */
const PROTOCOL_VERSION = 1;
const CONSOLE_FILE = 'console.log';
const CONSOLE_TAIL_BYTES = 500;

export interface BoxHostOptions {
  records: BoxRecords;
  slots: SlotPool;
  namespaces: SlotNamespaces;
  pool: Pool;
  copies: DiskCopies;
  rootfs: RootfsMounter;
  runtimes: Runtimes;
  cgroups: Cgroups;
  limitsSwap: boolean;
  /** Bytes over the link of a slot, as the box sees them. */
  traffic: (slot: number) => Promise<{ egressBytes: number; ingressBytes: number }>;
  mostOpenFiles: number;
  network: HostNetwork;
  bundleFolder: string;
  /** What boxes are started with: folders of daemon and image, joined. */
  contents: string;
  boxPort: number;
  startTimeoutMs: number;
  logger: Logger;
}

/** What a box is to be. */
export interface BoxPlan {
  limits: BoxLimits;
  isolation: BoxIsolation;
  network?: BoxNetwork;
  /** Copy of a disk that it begins with. */
  from?: string;
  services?: BoxServices;
}

/** A box that was just started. */
export interface StartedBox {
  record: BoxRecord;
  timings: Record<string, number>;
  restored?: RestoredContents;
}

/** Starts and ends boxes on this host: each method leaves either a whole box or nothing. */
export class BoxHost {
  readonly #options: BoxHostOptions;
  readonly #cpus: CpuPlaces;

  constructor(options: BoxHostOptions) {
    this.#options = options;
    this.#cpus = new CpuPlaces(options.cgroups.cpus);
  }

  /** Takes over a box of an earlier run that has a slot. */
  async adopt({ name }: BoxRecord): Promise<void> {
    this.#cpus.adopt(name, await this.#options.cgroups.cpusOf(name));
  }

  /**
   * Starts a box up to its daemon's first answer.
   * @param id the owner's id, or null for a warm box.
   */
  async start(id: string | null, plan: BoxPlan, signal: AbortSignal): Promise<StartedBox> {
    const { records, slots, logger } = this.#options;
    const watch = new Stopwatch();
    const slot = await slots.take();
    watch.lap('slot');
    let record = this.#newRecord(id, plan, slot);
    try {
      signal.throwIfAborted();
      await records.write(record);
      await this.#applyNetwork(record);
      const filled = plan.from === undefined ? undefined : await this.#fill(record, plan.from);
      if (filled) record = { ...record, layers: filled.layers };
      await this.#writeBundle(record, slot);
      watch.lap('bundle');
      const [process] = await Promise.all([
        this.#run(record, slot, { watch, signal }),
        this.#fitSlot(record, slot),
      ]);
      record = { ...record, process };
      if (record.isolation === 'gvisor') await this.#limitGroup(record);
      await this.waitForDaemon(record, signal);
      watch.lap('daemon');
      record = { ...record, state: id === null ? 'warm' : 'assigned' };
      await records.write(record);
      signal.throwIfAborted();
      return { record, timings: watch.timings(), ...(filled && { restored: filled.restored }) };
    } catch (error) {
      logger.warn({ err: error, box: record.name }, 'box could not be started');
      const explained = await this.#explain(error, record.name);
      await this.end(record);
      throw explained;
    } finally {
      slots.refill();
    }
  }

  #newRecord(id: string | null, plan: BoxPlan, { name, place }: PreparedSlot): BoxRecord {
    const { limits, isolation, services = 'none', network = OPEN_NETWORK } = plan;
    const token = randomBytes(32).toString('hex');
    return {
      version: 1,
      name,
      state: 'making',
      id,
      slot: place.slot,
      address: place.address,
      token,
      limits,
      isolation,
      // An owner's configuration says what to start; a warm box has to know without.
      services: id === null ? services : 'none',
      network,
      contents: this.#options.contents,
      process: null,
    };
  }

  async #fill({ name, limits }: BoxRecord, from: string): Promise<DiskContents> {
    return await this.#options.copies.fill({ name, bytes: limits.diskBytes }, from);
  }

  /**
   * Starts a stored box in a slot. The caller has prepared its disk, and puts it back to rest when this fails.
   * @param memory folder with its memory, from which its programs go on.
   */
  async restart(
    stored: BoxRecord,
    slot: PreparedSlot,
    options: { memory?: string; signal: AbortSignal },
  ): Promise<BoxRecord> {
    const { records, namespaces } = this.#options;
    const { memory, signal } = options;
    const { place } = slot;
    const record: BoxRecord = { ...stored, slot: place.slot, address: place.address, state: 'resuming' };
    await records.write(record);
    await this.#applyNetwork(record);
    await this.#writeBundle(record, slot);
    const rate = record.limits.networkBitsPerSecond;
    if (rate !== slot.limits.networkBitsPerSecond) await namespaces.limitRate(place.slot, rate);
    const process = await this.#run(record, slot, { watch: new Stopwatch(), signal, memory });
    if (record.isolation === 'gvisor') await this.#limitGroup(record);
    const running: BoxRecord = { ...record, state: 'assigned', process };
    await this.waitForDaemon(running, signal);
    signal.throwIfAborted();
    await records.write(running);
    return running;
  }

  /** Takes a box off its slot and everything it has but its disk. Its record says so first, unless that has a slot. */
  async putDown(record: BoxRecord): Promise<BoxRecord> {
    const { records, rootfs, network, slots } = this.#options;
    const { slot } = record;
    const stored: BoxRecord = { ...record, state: 'stored', slot: NO_SLOT, process: null };
    await records.write(stored);
    await this.endProcesses(record.name);
    if (slot === NO_SLOT) return stored;
    rootfs.unmount(slot);
    if (record.network && record.network.egress !== 'all') await network.setBox(slot, OPEN_NETWORK);
    await slots.releasePlace(slot);
    return stored;
  }

  /** Process that the runtime has started under a box's name, as far as it got. */
  async startedProcess(name: string): Promise<HostProcess | undefined> {
    const pid = await readIfPresent(path.join(this.#bundle(name), 'pid'));
    return pid === undefined ? undefined : await identifyProcess(Number(pid));
  }

  /** Adds what the box printed last to an error that says it did not start. */
  async #explain(error: unknown, name: string): Promise<unknown> {
    if (!(error instanceof DriverError) || error.code !== 'BOX_START_FAILED') return error;
    const output = await readTail(
      path.join(this.#options.pool.diskPath(name), CONSOLE_FILE),
      CONSOLE_TAIL_BYTES,
    );
    if (output === '') return error;
    return new DriverError(error.code, `${error.message} It printed last: ${output}`, { cause: error });
  }

  #bundle(name: string): string {
    return path.join(this.#options.bundleFolder, name);
  }

  async #writeBundle(record: BoxRecord, { place }: PreparedSlot): Promise<void> {
    const { rootfs, cgroups, limitsSwap, mostOpenFiles, boxPort } = this.#options;
    const bundle = this.#bundle(record.name);
    const secrets = path.join(bundle, 'secrets');
    const secret = path.join(secrets, 'boxd.json');
    await mkdir(secrets, { recursive: true, mode: 0o755 });
    const spec = buildSpec({
      ...rootfs.places(place.slot),
      isolation: record.isolation,
      limits: record.limits,
      cpuset: this.#cpus.place(record.name, record.limits.cpus),
      limitsSwap,
      mostOpenFiles,
      lxcfs: await lxcfsFolder(),
      firstId: place.firstId,
      userNamespace: place.userNamespace,
      networkNamespace: place.networkNamespace,
      cgroupPath: cgroups.runtimePath(record.name),
      secrets,
      architecture: process.arch,
    });
    const { token, services } = record;
    const prepare = services === 'none' ? {} : { prepare: services };
    const daemon = { token, port: boxPort, protocolVersion: PROTOCOL_VERSION, ...prepare };
    await Promise.all([
      writeFile(path.join(bundle, 'config.json'), JSON.stringify(spec), { mode: 0o600 }),
      writeFile(secret, JSON.stringify(daemon), { mode: 0o600 }),
    ]);
    await Promise.all([secrets, secret].map((file) => chown(file, place.firstId, place.firstId)));
  }

  async #run(
    record: BoxRecord,
    { place }: PreparedSlot,
    { watch, signal, memory }: { watch: Stopwatch; signal: AbortSignal; memory?: string | undefined },
  ): Promise<HostProcess> {
    const { rootfs, runtimes, pool } = this.#options;
    const disk = pool.diskPath(record.name);
    try {
      rootfs.mount(place, disk, record.layers);
      watch.lap('mount');
      const request = {
        name: record.name,
        bundle: this.#bundle(record.name),
        outputFile: path.join(disk, CONSOLE_FILE),
        networkNamespace: place.networkNamespace,
        ...(memory !== undefined && { memory }),
      };
      return await runtimes.get(record.isolation).start(request, signal);
    } finally {
      rootfs.unmount(place.slot);
      watch.lap('runtime');
    }
  }

  /** A slot is prepared for the default limits. */
  async #fitSlot({ name, slot, limits }: BoxRecord, { limits: had }: PreparedSlot): Promise<void> {
    const { pool, namespaces } = this.#options;
    const { diskBytes, networkBitsPerSecond } = limits;
    if (diskBytes !== had.diskBytes) await pool.limitDisk(name, diskBytes);
    if (networkBitsPerSecond !== had.networkBitsPerSecond)
      await namespaces.limitRate(slot, networkBitsPerSecond);
  }

  /** Waits until the box's daemon answers. */
  async waitForDaemon(record: BoxRecord, signal: AbortSignal): Promise<void> {
    const { boxPort, startTimeoutMs } = this.#options;
    await waitForHealth(
      { host: record.address, port: boxPort },
      { timeoutMs: startTimeoutMs, signal, isAlive: async () => await this.isAlive(record) },
    );
  }

  /** True while the box's first process runs. */
  async isAlive(record: BoxRecord): Promise<boolean> {
    return record.process !== null && (await isAlive(record.process));
  }

  /** What boxes use, by record name; those that are gone are left out. */
  async usage(records: readonly BoxRecord[]): Promise<Map<string, BoxUsage>> {
    const { cgroups, pool } = this.#options;
    if (records.length === 0) return new Map();
    const disks = await pool.diskUsage();
    const usages = await Promise.all(
      records.map(async ({ name, slot }) => {
        const [group, traffic] = await Promise.all([cgroups.usage(name), this.#options.traffic(slot)]);
        return group && ([name, { ...group, ...traffic, storageBytes: disks.get(name) ?? 0 }] as const);
      }),
    );
    return new Map(usages.filter((usage) => usage !== undefined));
  }

  /** Sets the rules of a box that is being made, before it runs. Slots are open until then. */
  async #applyNetwork({ slot, network = OPEN_NETWORK }: BoxRecord): Promise<void> {
    if (network.egress !== 'all') await this.#options.network.setBox(slot, network);
  }

  /**
   * Gives a running box another network. The record comes first, so that a crash leaves the rules that were asked for.
   * @returns the new record.
   */
  async connect(record: BoxRecord, network: BoxNetwork): Promise<BoxRecord> {
    const changed = { ...record, network };
    await this.#options.records.write(changed);
    if (record.slot !== NO_SLOT) await this.#options.network.setBox(record.slot, network);
    return changed;
  }

  async #limitGroup({ name, limits, isolation }: BoxRecord): Promise<void> {
    const { cgroups } = this.#options;
    const cpuset = this.#cpus.place(name, limits.cpus);
    await cgroups.limit(name, groupLimits(limits, isolation, cpuset));
  }

  /**
   * Whether a running box can be given these limits and behaves then as if it had started with them. Programs that run
   * keep the number of files they may open, and the number of processes that the box leaves to an account; gVisor takes
   * the CPUs and the memory it starts with for all there is.
   */
  fits({ isolation, contents, limits: had }: BoxRecord, plan: BoxPlan): boolean {
    const { limits } = plan;
    // A warm box of an older server has an older daemon, or image; one that has an owner is his, whatever is in it.
    if (isolation !== plan.isolation || contents !== this.#options.contents) return false;
    if (had.openFiles !== limits.openFiles || had.pids !== limits.pids) return false;
    if (isolation === 'container') return true;
    return had.cpus === limits.cpus && had.memoryBytes === limits.memoryBytes;
  }

  /** Gives a running box other limits. */
  async limit(record: BoxRecord, limits: BoxLimits): Promise<void> {
    const { pool, namespaces } = this.#options;
    const { cpus, memoryBytes, pids, diskBytes, networkBitsPerSecond } = record.limits;
    const sameGroup = cpus === limits.cpus && memoryBytes === limits.memoryBytes && pids === limits.pids;
    await Promise.all([
      sameGroup ? undefined : this.#limitGroup({ ...record, limits }),
      networkBitsPerSecond === limits.networkBitsPerSecond
        ? undefined
        : namespaces.limitRate(record.slot, limits.networkBitsPerSecond),
      diskBytes === limits.diskBytes ? undefined : pool.limitDisk(record.name, limits.diskBytes),
    ]);
  }

  /** Ends a box in whatever state, and frees all it holds. The record goes last, so that a crash leaves a trace. */
  async end(record: BoxRecord): Promise<void> {
    const { records, slots } = this.#options;
    await records.write({ ...record, state: 'ending' });
    await this.endProcesses(record.name);
    if (record.slot === NO_SLOT) {
      await this.#options.pool.deleteDisk(record.name);
      await records.remove(record.name);
      return;
    }
    this.#options.rootfs.unmount(record.slot);
    if (record.network && record.network.egress !== 'all') {
      await this.#options.network.setBox(record.slot, OPEN_NETWORK);
    }
    await slots.release(record.slot, record.name);
    await records.remove(record.name);
  }

  /** Ends what runs under a box's name and removes its container, cgroups and bundle. */
  async endProcesses(name: string): Promise<void> {
    const { runtimes, cgroups } = this.#options;
    await cgroups.killAll(name);
    await runtimes.forget(name);
    await cgroups.remove(name);
    this.#cpus.release(name);
    await rm(this.#bundle(name), { recursive: true, force: true });
  }
}

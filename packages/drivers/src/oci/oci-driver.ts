import { availableParallelism } from 'node:os';

import { DriverError } from '../driver.ts';
import type { BoxCheckpoints, BoxPauses, RestoredContents } from '../lasting.ts';
import type {
  Box,
  BoxFlow,
  BoxListing,
  BoxNetwork,
  BoxRequest,
  BoxState,
  BoxUsage,
  SandboxDriver,
  ServiceAddress,
} from '../driver.ts';
import { isBoxNetwork } from './box-network.ts';
import { allEnded } from './all-ended.ts';
import type { BoxPlan } from './box-host.ts';
import type { BoxRecord } from './box-record.ts';
import { hasSlot } from './box-rests.ts';
import { asDriverError } from './driver-errors.ts';
import { makeFolder } from './files.ts';
import { Gate } from './gate.ts';
import { OciHost } from './host.ts';
import { lockFile } from './kernel/file-lock.ts';
import type { FileLock } from './kernel/file-lock.ts';
import { freeLeftovers } from './leftovers.ts';
import { resolveSettings } from './settings.ts';
import type { OciDriverOptions, OciSettings } from './settings.ts';
import { Stopwatch } from './stopwatch.ts';
import { WarmBoxes } from './warm-boxes.ts';

/** A server that is being replaced may take this long to let go of the host. */
const LOCK_WAIT_MS = 10_000;
const STARTS_PER_CPU = 3;
const ID_PATTERN = /^[a-z0-9]{32}$/;

interface Running {
  host: OciHost;
  warm: WarmBoxes;
  lock: FileLock;
}

/** A box being made: its end can be waited for, and hastened. */
interface Making {
  abort: AbortController;
  done: Promise<unknown>;
}

class OciDriver implements SandboxDriver {
  readonly name = 'oci';
  readonly checkpoints: BoxCheckpoints;
  readonly pauses: BoxPauses;
  readonly #settings: OciSettings;
  readonly #assigned = new Map<string, BoxRecord>();
  readonly #making = new Map<string, Making>();
  /** Many at once would slow each other down until none of them answers in time. */
  readonly #coldStarts = new Gate(STARTS_PER_CPU * availableParallelism());
  readonly #ending = new Map<string, Promise<void>>();
  /** The last thing that is done with a box's rest: one after the other. */
  readonly #resting = new Map<string, Promise<unknown>>();
  #running: Promise<Running> | undefined;
  #opened: OciHost | undefined;

  constructor(settings: OciSettings) {
    this.#settings = settings;
    this.checkpoints = this.#makeCheckpoints();
    this.pauses = this.#makePauses();
  }

  #makeCheckpoints(): BoxCheckpoints {
    return {
      create: (id, name) =>
        this.#withBox(id, async (host, record) => {
          await host.rests.flush(record);
          return await host.copies.create(host.diskOf(record), name);
        }),
      list: () => this.#with(({ copies }) => copies.list()),
      delete: (name) => this.#with(({ copies }) => copies.delete(name)),
      export: (name, signal) => this.#host().copies.export(name, signal),
      import: (name, contents, signal) => this.#with(({ copies }) => copies.import(name, contents, signal)),
    };
  }

  #makePauses(): BoxPauses {
    return {
      freeze: (id) => this.#withBox(id, (host, record) => host.rests.freeze(record)),
      thaw: (id) => this.#withBox(id, (host, record) => host.rests.thaw(record)),
      store: (id) =>
        this.#withBox(id, async (host, record) => {
          this.#assigned.set(id, await host.rests.store(record));
        }),
      resume: (id, signal) =>
        this.#withBox(id, async (host, record) => {
          try {
            const { record: woken, programsKept } = await host.rests.wake(record, signal);
            this.#assigned.set(id, woken);
            return { ...this.#describe(woken, {}), programsKept };
          } catch (error) {
            const left = (await host.records.readAll()).find(({ name }) => name === record.name);
            if (left) this.#assigned.set(id, left);
            throw signal.aborted
              ? new DriverError('ABORTED', `The box ${id} was not resumed.`, { cause: error })
              : error;
          }
        }),
    };
  }

  /** The host, of a driver that is started. */
  #host(): OciHost {
    if (this.#opened) return this.#opened;
    throw new DriverError('DRIVER_FAILURE', 'The driver is not started, or is closed. Call start() first.');
  }

  async #with<T>(work: (host: OciHost) => Promise<T>): Promise<T> {
    const { host } = await this.#ready();
    try {
      return await work(host);
    } catch (error) {
      throw asDriverError(error);
    }
  }

  /** Does something with a box, after what is being done with it already. */
  async #withBox<T>(id: string, work: (host: OciHost, record: BoxRecord) => Promise<T>): Promise<T> {
    const before = this.#resting.get(id);
    const mine = this.#with(async (host) => {
      await before?.catch(() => undefined);
      const record = this.#assigned.get(id);
      if (!record || this.#ending.has(id))
        throw new DriverError('DRIVER_FAILURE', `There is no box under the id ${id}.`);
      return await work(host, record);
    });
    this.#resting.set(id, mine);
    try {
      return await mine;
    } finally {
      if (this.#resting.get(id) === mine) this.#resting.delete(id);
    }
  }

  async start(): Promise<ServiceAddress> {
    this.#running ??= this.#open();
    try {
      const { host } = await this.#running;
      const { servicePort, dnsPort, proxyPort } = this.#settings;
      const { serviceAddress, egressAddress, isReachable } = host.network;
      return { host: serviceAddress, port: servicePort, dnsPort, proxyPort, egressAddress, isReachable };
    } catch (error) {
      this.#running = undefined;
      throw asDriverError(error);
    }
  }

  async #open(): Promise<Running> {
    const { dataDir, paths } = this.#settings;
    await makeFolder(dataDir, 0o700);
    const lock = await lockFile(paths.lock, LOCK_WAIT_MS);
    if (!lock) {
      throw new DriverError(
        'HOST_UNSUITABLE',
        `Another server works with ${dataDir}. Stop it, or use another folder.`,
      );
    }
    try {
      const host = await OciHost.open(this.#settings, lock);
      const warm = this.#warmBoxes(host);
      await this.#adopt(host, warm);
      host.slots.refill();
      warm.refill(0);
      this.#opened = host;
      return { host, warm, lock };
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  #warmBoxes(host: OciHost): WarmBoxes {
    const { defaultLimits: limits, isolations, warm, logger } = this.#settings;
    const present = host.runtimes.present();
    const stock = warm
      .filter(({ isolation }) => isolations.includes(isolation) && present.includes(isolation))
      .map(({ isolation, services, count }) => ({ plan: { limits, isolation, services }, count }));
    return new WarmBoxes({ boxes: host.boxes, stock, logger });
  }

  /** Takes over the boxes of an earlier run, and frees the rest of what it left. */
  async #adopt(host: OciHost, warm: WarmBoxes): Promise<void> {
    const kept: BoxRecord[] = [];
    for (const found of await host.records.readAll()) {
      const record = await this.#settle(host, found);
      const { id, state, slot } = record;
      const owned = ['assigned', 'stored'].includes(state) && id !== null && !this.#assigned.has(id);
      if (owned) this.#assigned.set(id, record);
      else if (state !== 'warm' || !(await host.boxes.isAlive(record)) || !warm.adopt(record)) {
        await host.boxes.end(record);
        continue;
      }
      if (hasSlot(record)) {
        host.slots.adopt(slot);
        await host.boxes.adopt(record);
      }
      kept.push(record);
    }
    await freeLeftovers(kept, host.leftoverOptions);
    await host.rests.keepOnly(new Set(kept.map(({ name }) => name)));
    this.#settings.logger.info({ boxes: this.#assigned.size, warm: warm.size }, 'oci driver ready');
  }

  /** Ends what an earlier run began with a box's rest. */
  async #settle(host: OciHost, record: BoxRecord): Promise<BoxRecord> {
    if (record.state === 'resuming') return await host.rests.takeOver(record);
    if (record.state === 'stored') await host.boxes.endProcesses(record.name);
    return record;
  }

  async #ready(): Promise<Running> {
    if (this.#running) return await this.#running;
    throw new DriverError('DRIVER_FAILURE', 'The driver is not started, or is closed. Call start() first.');
  }

  async create(request: BoxRequest, signal: AbortSignal): Promise<Box> {
    const { id } = request;
    if (!ID_PATTERN.test(id)) {
      throw new DriverError(
        'DRIVER_FAILURE',
        `The box id "${id}" is not valid: give 32 lowercase letters or digits.`,
      );
    }
    if (request.network) checkNetwork(request.network);
    const running = await this.#ready();
    if (this.#assigned.has(id) || this.#making.has(id)) {
      throw new DriverError(
        'BOX_ID_TAKEN',
        `There is a box under the id ${id} already. Destroy it, or choose another id.`,
      );
    }
    const abort = new AbortController();
    const done = this.#make(running, request, AbortSignal.any([signal, abort.signal]));
    this.#making.set(id, { abort, done });
    try {
      return await done;
    } catch (error) {
      throw asDriverError(error, signal.aborted || abort.signal.aborted);
    } finally {
      this.#making.delete(id);
    }
  }

  async #make(running: Running, request: BoxRequest, signal: AbortSignal): Promise<Box> {
    signal.throwIfAborted();
    const { host, warm } = running;
    const { isolation = this.#settings.isolation } = request;
    if (!this.#settings.isolations.includes(isolation)) {
      throw new DriverError('HOST_UNSUITABLE', `This driver does not offer the isolation "${isolation}".`);
    }
    host.runtimes.get(isolation);
    await host.checkRoom();
    const plan = { ...request, isolation };
    const taken = request.from === undefined ? await this.#takeWarm(running, plan, signal) : undefined;
    if (taken) return taken;
    const watch = new Stopwatch();
    const { record, timings, restored } = await this.#coldStarts.run(async () => {
      watch.lap('queue');
      return await host.boxes.start(request.id, plan, signal);
    }, signal);
    this.#assigned.set(request.id, record);
    warm.refill();
    return this.#describe(record, { ...watch.timings(), ...timings }, restored);
  }

  /** Hands out a warm box that still runs, or nothing when there is none. Whether its daemon answers, the caller sees next. */
  async #takeWarm(
    { host, warm }: Running,
    plan: BoxPlan & { id: string },
    signal: AbortSignal,
  ): Promise<Box | undefined> {
    const { id, limits, network } = plan;
    for (let record = warm.take(plan); record; record = warm.take(plan)) {
      const watch = new Stopwatch();
      warm.refill();
      try {
        const wanted: BoxRecord = { ...record, state: 'assigned', id, limits };
        const isOpen = !network || network.egress === 'all';
        // Side by side, but none may go on when the box is ended after a failure.
        const [assigned] = await allEnded([
          isOpen ? host.records.write(wanted).then(() => wanted) : host.boxes.connect(wanted, network),
          host.boxes.limit(record, limits),
          this.#requireAlive(host, record),
        ]);
        watch.lap('warm');
        signal.throwIfAborted();
        this.#assigned.set(id, assigned);
        return this.#describe(assigned, watch.timings());
      } catch (error) {
        await host.boxes.end(network ? { ...record, network } : record);
        if (signal.aborted) throw error;
        this.#settings.logger.warn({ err: error, box: record.name }, 'a warm box was not usable');
      }
    }
    return undefined;
  }

  async #requireAlive(host: OciHost, record: BoxRecord): Promise<void> {
    if (await host.boxes.isAlive(record)) return;
    throw new DriverError('BOX_START_FAILED', 'The box has ended.');
  }

  #describe(record: BoxRecord, timings: Record<string, number>, restored?: RestoredContents): Box {
    const endpoint = { host: record.address, port: this.#settings.boxPort, token: record.token };
    const { id, address, isolation } = record;
    return { id: id ?? '', endpoint, address, isolation, timings, ...(restored && { restored }) };
  }

  async get(id: string): Promise<Box | undefined> {
    const { host } = await this.#ready();
    const record = this.#assigned.get(id);
    if (!record || this.#ending.has(id) || !(await host.boxes.isAlive(record))) return undefined;
    return this.#describe(record, {});
  }

  async list(): Promise<BoxListing[]> {
    const { host } = await this.#ready();
    return await Promise.all(
      [...this.#assigned].map(async ([id, record]) => await this.#listing(host, id, record)),
    );
  }

  async #listing(host: OciHost, id: string, record: BoxRecord): Promise<BoxListing> {
    const state = await this.#stateOf(host, record);
    if (state !== 'dead' || !(await host.cgroups.ranOutOfMemory(record.name))) return { id, state };
    return { id, state, reason: `it used up its memory of ${record.limits.memoryBytes} bytes.` };
  }

  async #stateOf(host: OciHost, record: BoxRecord): Promise<BoxState> {
    if (record.state === 'stored') return 'stored';
    if (!(await host.boxes.isAlive(record))) return 'dead';
    return (await host.cgroups.isFrozen(record.name)) ? 'paused' : 'running';
  }

  async usage(ids: readonly string[]): Promise<Map<string, BoxUsage>> {
    const { host } = await this.#ready();
    const records = ids.flatMap((id) => this.#assigned.get(id) ?? []).filter(hasSlot);
    try {
      const usages = await host.boxes.usage(records);
      return new Map(
        records.flatMap(({ id, name }) => {
          const usage = usages.get(name);
          return usage && id !== null ? [[id, usage] as const] : [];
        }),
      );
    } catch (error) {
      throw asDriverError(error);
    }
  }

  async destroy(id: string): Promise<void> {
    const { host } = await this.#ready();
    const making = this.#making.get(id);
    if (making) {
      making.abort.abort(new DriverError('ABORTED', `The box ${id} was destroyed while it was being made.`));
      await making.done.catch(() => undefined);
    }
    const ending = this.#ending.get(id) ?? this.#end(host, id);
    this.#ending.set(id, ending);
    try {
      await ending;
    } catch (error) {
      throw asDriverError(error);
    } finally {
      this.#ending.delete(id);
    }
  }

  async #end(host: OciHost, id: string): Promise<void> {
    await this.#resting.get(id)?.catch(() => undefined);
    const record = this.#assigned.get(id);
    if (!record) return;
    await host.boxes.end(record);
    await host.rests.forget(record.name);
    this.#assigned.delete(id);
  }

  async setNetwork(id: string, network: BoxNetwork): Promise<void> {
    const { host } = await this.#ready();
    const record = this.#assigned.get(id);
    if (!record || this.#ending.has(id)) {
      throw new DriverError('DRIVER_FAILURE', `There is no box under the id ${id}.`);
    }
    checkNetwork(network);
    try {
      // The new rules may hold although the call fails, so what is remembered is what the record on disk says.
      this.#assigned.set(id, { ...record, network });
      await host.boxes.connect(record, network);
    } catch (error) {
      throw asDriverError(error);
    }
  }

  async flows(): Promise<BoxFlow[]> {
    const { host } = await this.#ready();
    try {
      return await host.network.flows();
    } catch (error) {
      throw asDriverError(error);
    }
  }

  async close(): Promise<void> {
    if (!this.#running) return;
    const { host, warm, lock } = await this.#running;
    this.#running = undefined;
    this.#opened = undefined;
    await Promise.allSettled(this.#resting.values());
    await this.#abortMaking();
    await warm.close();
    await host.slots.close();
    await Promise.allSettled(this.#ending.values());
    this.#assigned.clear();
    lock.release();
  }

  async #abortMaking(): Promise<void> {
    const making = [...this.#making.values()];
    for (const { abort } of making) abort.abort(new DriverError('ABORTED', 'The driver is closing.'));
    await Promise.allSettled(making.map(({ done }) => done));
  }

  async purge(): Promise<void> {
    await this.start();
    const { host, warm, lock } = await this.#ready();
    try {
      await this.#abortMaking();
      await warm.drain();
      for (const id of this.#assigned.keys()) await this.destroy(id);
      await host.slots.drain();
      await host.remove();
      this.#running = undefined;
      lock.release();
    } catch (error) {
      throw asDriverError(error);
    }
  }
}

/** The rules become a script for the kernel's firewall, so nothing but address blocks may get there. */
function checkNetwork(network: BoxNetwork): void {
  if (!isBoxNetwork(network)) {
    throw new DriverError('DRIVER_FAILURE', 'The network of the box is not valid: give IPv4 blocks.');
  }
}

/**
 * Makes the driver that runs boxes as OCI containers on this host. Nothing happens on the host before `start()`.
 * @throws {@link DriverError} HOST_UNSUITABLE naming an option that cannot be used.
 */
export function createOciDriver(options: OciDriverOptions): SandboxDriver {
  return new OciDriver(resolveSettings(options));
}

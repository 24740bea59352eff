import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { DriverError } from '../driver.ts';
import { isMissing, namesIn, readIfPresent } from './files.ts';
import { readMountTable } from './kernel/mount-table.ts';
import type { MountEntry } from './kernel/mount-table.ts';

/** Length of the period that CPU quotas refer to, microseconds (the kernel's default). */
export const CPU_PERIOD_US = 100_000;
/** A process that is flushing to a slow disk ends late, even on SIGKILL. */
const KILL_TIMEOUT_MS = 30_000;
const REMOVE_TIMEOUT_MS = 10_000;
/** A process in the middle of a system call to the disk stops when that is done. */
const FREEZE_TIMEOUT_MS = 10_000;

/** What the processes of one cgroup have together. */
export interface GroupLimits {
  cpus: number;
  /** List of CPUs; empty where the host cannot confine processes to some. */
  cpuset: string;
  /** Memory and swap together. */
  memoryBytes: number;
  pids: number;
}

/** Where the host keeps its cgroups: one hierarchy (v2), or one for each controller (v1 and hybrid). */
export interface CgroupLayout {
  version: 1 | 2;
  /** Mount points by controller; with v2 all are the same one. */
  controllers: Record<'cpu' | 'memory' | 'pids' | 'freezer', string>;
  /** Mount point of the controller that confines processes to CPUs, where there is one. */
  cpuset: string | undefined;
  /** All mount points, each once. */
  roots: string[];
}

/** Reads the layout out of the host's mounts; undefined when a controller is missing. */
export function cgroupLayout(mounts: MountEntry[]): CgroupLayout | undefined {
  const v1 = mounts.filter((entry) => entry.type === 'cgroup');
  const v2 = mounts.find((entry) => entry.type === 'cgroup2');
  const find = (name: string): string | undefined =>
    v1.find((entry) => entry.options.split(',').includes(name))?.mountPoint ??
    (v1.length === 0 ? v2?.mountPoint : undefined);
  const [cpu, memory, pids, freezer] = [find('cpu'), find('memory'), find('pids'), find('freezer')];
  if (!cpu || !memory || !pids || !freezer) return undefined;
  const roots = [...new Set([...v1.map((entry) => entry.mountPoint), ...(v2 ? [v2.mountPoint] : [])])];
  const version = v1.length === 0 ? 2 : 1;
  return { version, controllers: { cpu, memory, pids, freezer }, cpuset: find('cpuset'), roots };
}

/** Numbers in a list of the kernel's form, `0-2,5`. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((part) => {
      const [first = NaN, last = first] = part.split('-').map(Number);
      if (part === '' || !Number.isInteger(first) || !Number.isInteger(last)) return [];
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

async function usableCpus({ version, cpuset }: CgroupLayout): Promise<number[]> {
  if (cpuset === undefined) return [];
  const file = version === 2 ? 'cpuset.cpus.effective' : 'cpuset.cpus';
  return parseCpuList((await readIfPresent(path.join(cpuset, file))) ?? '');
}

/** With v1 a new group has no CPUs at all until it is given some, and so have those below; runsc does not see to that. */
async function openCpuset({ version, cpuset }: CgroupLayout, parent: string): Promise<void> {
  if (version === 2 || cpuset === undefined) return;
  const folder = path.join(cpuset, parent);
  await mkdir(folder, { recursive: true });
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    await writeFile(path.join(folder, file), (await readFile(path.join(cpuset, file), 'utf8')).trim());
  }
}

/** What the kernel counted for a box. */
export interface CgroupUsage {
  cpuUs: number;
  memoryBytes: number;
  memoryPeakBytes: number;
  pids: number;
}

/** The cgroups of this instance's boxes. */
export class Cgroups {
  readonly #layout: CgroupLayout;
  readonly #parent: string;
  /** CPUs that boxes can be confined to; none where the host cannot do that. */
  readonly cpus: number[];

  private constructor(layout: CgroupLayout, parent: string, cpus: number[]) {
    this.#layout = layout;
    this.#parent = parent;
    this.cpus = cpus;
  }

  /**
   * @param parent name of the cgroup above the boxes', below the root of each hierarchy.
   * @param mounts the host's mounts; default: as the kernel has them.
   * @throws {@link DriverError} when the host lacks a controller.
   */
  static async open(parent: string, mounts?: MountEntry[]): Promise<Cgroups> {
    const layout = cgroupLayout(mounts ?? (await readMountTable()));
    if (layout) {
      await openCpuset(layout, parent);
      return new Cgroups(layout, parent, await usableCpus(layout));
    }
    throw new DriverError(
      'HOST_UNSUITABLE',
      'The host does not offer the cgroup controllers cpu, memory, pids and freezer. Mount them at /sys/fs/cgroup.',
    );
  }

  /** Whether memory and swap can be limited together; some v1 kernels are started without it. */
  async limitsSwap(): Promise<boolean> {
    if (this.#layout.version === 2) return true;
    const file = path.join(this.#layout.controllers.memory, 'memory.memsw.limit_in_bytes');
    return (await readIfPresent(file)) !== undefined;
  }

  /** The path that the runtime takes for a box. */
  runtimePath(name: string): string {
    return `/${this.#parent}/${name}`;
  }

  #folder(controller: keyof CgroupLayout['controllers'], name: string): string {
    return path.join(this.#layout.controllers[controller], this.#parent, name);
  }

  /** Numbers of the CPUs that a box is confined to; none where it is not. */
  async cpusOf(name: string): Promise<number[]> {
    const { cpuset } = this.#layout;
    if (cpuset === undefined) return [];
    const file = path.join(cpuset, this.#parent, name, 'cpuset.cpus');
    return parseCpuList((await readIfPresent(file)) ?? '');
  }

  /** Changes the limits of a running box. */
  async limit(name: string, limits: GroupLimits): Promise<void> {
    const quota = Math.round(limits.cpus * CPU_PERIOD_US);
    const cpu = this.#folder('cpu', name);
    const memory = this.#folder('memory', name);
    await writeFile(path.join(this.#folder('pids', name), 'pids.max'), String(limits.pids));
    const { cpuset } = this.#layout;
    if (cpuset !== undefined && limits.cpuset !== '')
      await writeFile(path.join(cpuset, this.#parent, name, 'cpuset.cpus'), limits.cpuset);
    if (this.#layout.version === 2) {
      await writeFile(path.join(cpu, 'cpu.max'), `${quota} ${CPU_PERIOD_US}`);
      await writeFile(path.join(memory, 'memory.max'), String(limits.memoryBytes));
      return;
    }
    await writeFile(path.join(cpu, 'cpu.cfs_quota_us'), String(quota));
    await this.#limitMemoryV1(memory, limits.memoryBytes);
  }

  async #limitMemoryV1(folder: string, bytes: number): Promise<void> {
    const files = [path.join(folder, 'memory.limit_in_bytes')];
    if (await this.limitsSwap()) files.push(path.join(folder, 'memory.memsw.limit_in_bytes'));
    // The sum must never be below memory alone: raise the sum first, lower memory first.
    const current = Number(await readFile(files[0] ?? '', 'utf8'));
    if (bytes > current) files.reverse();
    for (const file of files) await writeFile(file, String(bytes));
  }

  /** True when the box's processes are stopped by the freezer. */
  async isFrozen(name: string): Promise<boolean> {
    const file = this.#layout.version === 2 ? 'cgroup.freeze' : 'freezer.state';
    const text = await readIfPresent(path.join(this.#folder('freezer', name), file));
    return text !== undefined && /^(1|FROZEN|FREEZING)/.test(text);
  }

  /** Stops all processes of a box where they are, or lets them go on; resolves when the kernel has done so. */
  async freeze(name: string, frozen: boolean): Promise<void> {
    const v2 = this.#layout.version === 2;
    const folder = this.#folder('freezer', name);
    const [file, text] = v2
      ? ['cgroup.freeze', frozen ? '1' : '0']
      : ['freezer.state', frozen ? 'FROZEN' : 'THAWED'];
    await writeFile(path.join(folder, file ?? ''), text ?? '');
    const deadline = Date.now() + FREEZE_TIMEOUT_MS;
    while (!(await this.#hasFrozen(folder, frozen))) {
      if (Date.now() > deadline) {
        await writeFile(path.join(folder, file ?? ''), v2 ? '0' : 'THAWED');
        throw new DriverError('DRIVER_FAILURE', `The processes of the box ${name} could not be stopped.`);
      }
      await delay(2);
    }
  }

  async #hasFrozen(folder: string, frozen: boolean): Promise<boolean> {
    if (this.#layout.version === 2) {
      const events = await readIfPresent(path.join(folder, 'cgroup.events'));
      return /^frozen 1$/m.test(events ?? '') === frozen;
    }
    const state = await readIfPresent(path.join(folder, 'freezer.state'));
    return state?.trim() === (frozen ? 'FROZEN' : 'THAWED');
  }

  /** What a box uses; undefined when it has no cgroup any more. */
  async usage(name: string): Promise<CgroupUsage | undefined> {
    const memory = this.#folder('memory', name);
    const [current, peak, stat] =
      this.#layout.version === 2
        ? ['memory.current', 'memory.peak', 'memory.stat']
        : ['memory.usage_in_bytes', 'memory.max_usage_in_bytes', 'memory.stat'];
    const [cpuUs, used, most, details, pids] = await Promise.all([
      this.#cpuTimeUs(name),
      readIfPresent(path.join(memory, current ?? '')),
      readIfPresent(path.join(memory, peak ?? '')),
      readIfPresent(path.join(memory, stat ?? '')),
      readIfPresent(path.join(this.#folder('pids', name), 'pids.current')),
    ]);
    if (cpuUs === undefined || used === undefined || pids === undefined) return undefined;
    const cache = Number(/^(?:total_)?inactive_file (\d+)$/m.exec(details ?? '')?.[1] ?? 0);
    return {
      cpuUs,
      memoryBytes: Math.max(0, Number(used) - cache),
      // Kernels before 5.19 do not keep the peak in v2.
      memoryPeakBytes: Number(most ?? used),
      pids: Number(pids),
    };
  }

  async #cpuTimeUs(name: string): Promise<number | undefined> {
    if (this.#layout.version === 2) {
      const text = await readIfPresent(path.join(this.#folder('cpu', name), 'cpu.stat'));
      const value = /^usage_usec (\d+)$/m.exec(text ?? '')?.[1];
      return value === undefined ? undefined : Number(value);
    }
    // The accounting controller may be mounted beside `cpu` or by itself.
    for (const root of this.#layout.roots) {
      const text = await readIfPresent(path.join(root, this.#parent, name, 'cpuacct.usage'));
      if (text !== undefined) return Math.round(Number(text) / 1000);
    }
    return undefined;
  }

  /** Kills every process of a box and waits until none is left. */
  async killAll(name: string): Promise<void> {
    const file = this.#layout.version === 2 ? 'cgroup.freeze' : 'freezer.state';
    await this.#write(
      path.join(this.#folder('freezer', name), file),
      this.#layout.version === 2 ? '0' : 'THAWED',
    );
    const deadline = Date.now() + KILL_TIMEOUT_MS;
    for (let pause = 1; Date.now() < deadline; pause = Math.min(50, pause + 1)) {
      const pids = await this.#processes(name);
      if (pids.length === 0) return;
      for (const pid of pids) this.#kill(pid);
      await delay(pause);
    }
    throw new DriverError(
      'DRIVER_FAILURE',
      `Processes of the box ${name} did not end after SIGKILL. Look at the host's log.`,
    );
  }

  #kill(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }

  /** True when the kernel ended a process of the box because the box's memory was full. */
  async ranOutOfMemory(name: string): Promise<boolean> {
    const file = this.#layout.version === 2 ? 'memory.events' : 'memory.oom_control';
    const text = await readIfPresent(path.join(this.#folder('memory', name), file));
    return /^oom_kill [1-9]/m.test(text ?? '');
  }

  async #processes(name: string): Promise<number[]> {
    const text = await readIfPresent(path.join(this.#folder('pids', name), 'cgroup.procs'));
    return (text ?? '').split('\n').flatMap((line) => (/^[1-9]\d*$/.test(line) ? [Number(line)] : []));
  }

  async #write(file: string, text: string): Promise<void> {
    try {
      await writeFile(file, text);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  /** Names of all boxes that have a cgroup in any hierarchy. */
  async boxes(): Promise<string[]> {
    const lists = await Promise.all(this.#layout.roots.map((root) => namesIn(path.join(root, this.#parent))));
    return [...new Set(lists.flat().filter((name) => /^[0-9a-f]{12}$/.test(name)))];
  }

  /** Removes a box's cgroups, whose processes must have ended. */
  async remove(name: string): Promise<void> {
    for (const root of this.#layout.roots) await this.#removeFolder(path.join(root, this.#parent, name));
  }

  /** Removes the parent cgroup of all boxes. */
  async removeParent(): Promise<void> {
    for (const root of this.#layout.roots) await this.#removeFolder(path.join(root, this.#parent));
  }

  async #removeFolder(folder: string): Promise<void> {
    const deadline = Date.now() + REMOVE_TIMEOUT_MS;
    for (;;) {
      try {
        await rmdir(folder);
        return;
      } catch (error) {
        if (isMissing(error)) return;
        if (Date.now() >= deadline) throw error;
        // Ended processes leave their cgroup a moment late.
        await delay(10);
      }
    }
  }
}

import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { CommandOutcome, ConformanceSubject, SubjectOptions } from '../../conformance/subject.ts';
import type { Box, BoxIsolation, SandboxDriver } from '../../driver.ts';
import { BoxRecords } from '../box-record.ts';
import type { BoxRecord } from '../box-record.ts';
import { runCommand } from '../command.ts';
import { namesIn } from '../files.ts';
import { readMountTable } from '../kernel/mount-table.ts';
import type { Logger } from '../logger.ts';
import { createOciDriver } from '../oci-driver.ts';
import type { OciDriverOptions } from '../settings.ts';

const PROBE_FOLDER = fileURLToPath(new URL('../../conformance/probe', import.meta.url));
const BROKEN_FOLDER = fileURLToPath(new URL('../../conformance/broken-daemon', import.meta.url));
/** In the folder of a test's installations: what {@link OciSubject} was made with, for whoever tidies up after it. */
export const SUBJECT_FILE = 'subject.json';
const MIB = 2 ** 20;
const GIB = 2 ** 30;

function instanceIdOf(installation: 'first' | 'second', instanceNumber: number): string {
  const suffix = (instanceNumber % 36 ** 4).toString(36).padStart(4, '0');
  return `${installation === 'first' ? 'ta' : 'tb'}${suffix}`;
}

function quietLogger(): Logger {
  const silent = (): void => undefined;
  return { debug: silent, info: silent, warn: silent, error: silent };
}

async function runInBox({ endpoint }: Box, command: string): Promise<CommandOutcome> {
  const response = await fetch(`http://${endpoint.host}:${endpoint.port}/run`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoint.token}` },
    body: command,
    signal: AbortSignal.timeout(30_000),
  });
  return (await response.json()) as CommandOutcome;
}

/** An address of the host that is not loopback. */
function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!found) throw new Error('the host has no address but loopback, which this test needs');
  return found.address;
}

export interface OciSubjectOptions {
  /** Folder of the test's installations. */
  home: string;
  imageLayers: string[];
  /** Makes the instance ids of test runs differ. Default: the number of this process. */
  instanceNumber?: number;
  /** Default: `container`. */
  isolation?: BoxIsolation;
}

/** The oci driver as the conformance suite sees it. */
export class OciSubject implements ConformanceSubject {
  readonly limits = {
    cpus: 2,
    memoryBytes: GIB,
    pids: 512,
    diskBytes: GIB,
    openFiles: 4096,
    networkBitsPerSecond: 0,
  };
  readonly hostAddress = hostAddress();
  readonly run = runInBox;
  readonly warmLimits = { ...this.limits, memoryBytes: 512 * MIB };
  readonly isolation: BoxIsolation;
  readonly #options: OciSubjectOptions;

  constructor(options: OciSubjectOptions) {
    this.#options = options;
    this.isolation = options.isolation ?? 'container';
    const kept = { ...options, instanceNumber: options.instanceNumber ?? process.pid };
    writeFileSync(path.join(options.home, SUBJECT_FILE), JSON.stringify(kept));
  }

  #instanceId(installation: 'first' | 'second'): string {
    return instanceIdOf(installation, this.#options.instanceNumber ?? process.pid);
  }

  #folder(installation: 'first' | 'second'): string {
    return path.join(this.#options.home, installation);
  }

  /** Options of an installation's driver. */
  driverOptions({
    warm = 0,
    installation = 'first',
    allowPrivateCidrs = [],
    daemon = 'probe',
  }: SubjectOptions = {}): OciDriverOptions {
    const folder = this.#folder(installation);
    return {
      instanceId: this.#instanceId(installation),
      dataDir: path.join(folder, 'data'),
      runDir: path.join(folder, 'run'),
      imageLayers: this.#options.imageLayers,
      boxdDir: daemon === 'probe' ? PROBE_FOLDER : BROKEN_FOLDER,
      poolBytes: 2 * GIB,
      reservePool: false,
      warm: [{ isolation: this.isolation, services: 'none', count: warm }],
      defaultLimits: this.warmLimits,
      allowPrivateCidrs,
      logger: quietLogger(),
      isolation: this.isolation,
    };
  }

  createDriver(options?: SubjectOptions): SandboxDriver {
    return createOciDriver(this.driverOptions(options));
  }

  async #record(id: string): Promise<BoxRecord> {
    for (const installation of ['first', 'second'] as const) {
      const folder = path.join(this.#folder(installation), 'data', 'boxes');
      if ((await namesIn(folder)).length === 0) continue;
      const found = (await new BoxRecords(folder).readAll()).find((record) => record.id === id);
      if (found) return found;
    }
    throw new Error(`no record of the box ${id}`);
  }

  async #pid(id: string): Promise<number> {
    const pid = (await this.#record(id)).process?.pid;
    if (pid === undefined) throw new Error(`the box ${id} has no process`);
    return pid;
  }

  async killBehindDriver(id: string): Promise<void> {
    process.kill(await this.#pid(id), 'SIGKILL');
  }

  async hostUid(id: string): Promise<number> {
    const status = await readFile(`/proc/${await this.#pid(id)}/status`, 'utf8');
    return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
  }

  async hostTraces(installation: 'first' | 'second'): Promise<string[]> {
    const id = this.#instanceId(installation);
    const folder = this.#folder(installation);
    const [links, netns, tables, mounts, cgroups, loops, runs] = await Promise.all([
      namesIn('/sys/class/net'),
      namesIn('/run/netns'),
      runCommand('nft', ['list', 'tables']),
      readMountTable(),
      this.#cgroups(id),
      runCommand('losetup', ['--all']),
      namesIn(path.join(folder, 'run')),
    ]);
    return [
      ...links.filter((link) => link.startsWith(`bn${id}`)).map((link) => `link ${link}`),
      ...netns.filter((name) => name.includes(id)).map((name) => `netns ${name}`),
      ...tables.split('\n').filter((table) => table.includes(id)),
      ...mounts
        .filter(({ mountPoint }) => mountPoint.startsWith(folder))
        .map(({ mountPoint }) => `mount ${mountPoint}`),
      ...cgroups,
      ...loops.split('\n').filter((loop) => loop.includes(folder)),
      ...runs.map((name) => `run ${name}`),
    ];
  }

  async #cgroups(id: string): Promise<string[]> {
    const roots = (await readMountTable()).filter(({ type }) => type.startsWith('cgroup'));
    const lists = await Promise.all(
      roots.map(async ({ mountPoint }) =>
        (await namesIn(mountPoint)).map((name) => path.join(mountPoint, name)),
      ),
    );
    return lists.flat().filter((folder) => folder.endsWith(`/banata-${id}`));
  }

  async boxTraces(installation: 'first' | 'second'): Promise<string[]> {
    const folder = this.#folder(installation);
    const cgroups = await this.#cgroups(this.#instanceId(installation));
    const places = [
      ...cgroups,
      path.join(folder, 'run', 'b'),
      path.join(folder, 'run', 'r'),
      path.join(folder, 'run', 'g'),
      path.join(folder, 'data', 'boxes'),
    ];
    const lists = await Promise.all(
      places.map(async (place) => (await namesIn(place)).map((name) => path.join(place, name))),
    );
    return lists.flat().filter((file) => /^[0-9a-f]{12}/.test(path.basename(file)));
  }
}

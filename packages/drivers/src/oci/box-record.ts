import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';

import type { BoxIsolation, BoxLimits, BoxNetwork, BoxServices } from '../driver.ts';
import { isBoxNetwork } from './box-network.ts';
import { namesIn, readJson, writeAtomic } from './files.ts';
import type { HostProcess } from './host-process.ts';

/**
 * `making`: the box does not run yet. `warm`: it runs and has no owner. `assigned`: it is its owner's. `stored`: it has
 * a disk, and perhaps its memory there, and nothing else. `resuming`: such a box is being started. `ending`: it is being
 * destroyed.
 */
type BoxRecordState = 'making' | 'warm' | 'assigned' | 'stored' | 'resuming' | 'ending';

/** Slot of a stored box, which has none. */
export const NO_SLOT = -1;

/** What the host knows of a box, on disk before anything of the box exists and until all of it is gone. */
export interface BoxRecord {
  version: 1;
  /** Name on the host: container, bundle, disk, cgroup. Tells nothing of the owner. */
  name: string;
  state: BoxRecordState;
  /** The caller's id; null while the box is warm. */
  id: string | null;
  /** {@link NO_SLOT} for a stored box. */
  slot: number;
  address: string;
  token: string;
  limits: BoxLimits;
  isolation: BoxIsolation;
  /** What it started with. */
  services: BoxServices;
  /** Default: all. */
  network?: BoxNetwork;
  /** Folders of the image the box's disk belongs on, where that is not the present one. */
  layers?: string[];
  /** Folders of the daemon and the image that it was started with, joined. Absent in records of older servers. */
  contents?: string;
  /** First process of the box; null until it runs. */
  process: HostProcess | null;
}

const LIMITS_BEFORE = { openFiles: 1_024, networkBitsPerSecond: 0 };
const SERVICES: readonly unknown[] = ['none', 'browser', 'agent'] satisfies BoxServices[];
const STATES: readonly string[] = [
  'making',
  'warm',
  'assigned',
  'stored',
  'resuming',
  'ending',
] satisfies BoxRecordState[];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isLimits(value: unknown): value is BoxLimits {
  return (
    isObject(value) &&
    ['cpus', 'memoryBytes', 'pids', 'diskBytes', 'openFiles'].every(
      (key) => typeof value[key] === 'number' && value[key] > 0,
    ) &&
    typeof value['networkBitsPerSecond'] === 'number'
  );
}

/** Records of servers from before these fields were, with what their boxes have. */
function completed(value: Record<string, unknown>): Record<string, unknown> {
  const limits = isObject(value['limits']) ? { ...LIMITS_BEFORE, ...value['limits'] } : value['limits'];
  return { isolation: 'container', services: 'none', ...value, limits };
}

function isLayers(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((layer) => typeof layer === 'string'));
}

function isProcess(value: unknown): value is HostProcess | null {
  if (value === null) return true;
  return isObject(value) && Number.isInteger(value['pid']) && typeof value['startTime'] === 'string';
}

function isNamed({ name, state, id }: Record<string, unknown>): boolean {
  return (
    typeof name === 'string' &&
    /^[0-9a-f]{12}$/.test(name) &&
    typeof state === 'string' &&
    STATES.includes(state) &&
    (id === null || typeof id === 'string')
  );
}

/** Fields that records of older servers lack. */
function areLaterFieldsWhole({ network, contents, layers }: Record<string, unknown>): boolean {
  return (
    (network === undefined || isBoxNetwork(network)) &&
    (contents === undefined || typeof contents === 'string') &&
    isLayers(layers)
  );
}

/** Reads a record that may be damaged; undefined when it is not whole. */
export function parseBoxRecord(value: unknown): BoxRecord | undefined {
  if (!isObject(value) || value['version'] !== 1) return undefined;
  const record = completed(value);
  const { slot, address, token, limits, isolation, services, process } = record;
  const whole =
    isNamed(record) &&
    Number.isInteger(slot) &&
    typeof address === 'string' &&
    typeof token === 'string' &&
    isLimits(limits) &&
    (isolation === 'container' || isolation === 'gvisor') &&
    SERVICES.includes(services) &&
    areLaterFieldsWhole(record) &&
    isProcess(process);
  return whole ? (record as unknown as BoxRecord) : undefined;
}

/** The records of all boxes, one file each. */
export class BoxRecords {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #file(name: string): string {
    return path.join(this.#folder, `${name}.json`);
  }

  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
  }

  async write(record: BoxRecord): Promise<void> {
    await writeAtomic(this.#file(record.name), JSON.stringify(record));
  }

  async remove(name: string): Promise<void> {
    await rm(this.#file(name), { force: true });
  }

  /** All records that are whole; files that are not one are removed. */
  async readAll(): Promise<BoxRecord[]> {
    const records: BoxRecord[] = [];
    for (const file of await namesIn(this.#folder)) {
      const record = parseBoxRecord(await readJson(path.join(this.#folder, file)));
      if (record && file === `${record.name}.json`) records.push(record);
      else await rm(path.join(this.#folder, file), { force: true });
    }
    return records;
  }

  async removeFolder(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

import path from 'node:path';

import { DriverError } from '../driver.ts';
import type { BoxIsolation, BoxLimits, BoxServices } from '../driver.ts';
import { parseCidr } from './cidr.ts';
import type { Logger } from './logger.ts';
import { hostNames } from './names.ts';
import type { HostNames } from './names.ts';

/** How many started, unused boxes of a kind are kept. */
export interface WarmStock {
  isolation: BoxIsolation;
  services: BoxServices;
  count: number;
}

/** Settings of one installation's oci driver. */
export interface OciDriverOptions {
  /** Six lowercase letters or digits; part of every name on the host. */
  instanceId: string;
  /** Folder of the pool and the boxes' records; outlives a reboot. */
  dataDir: string;
  /** Folder of bundles and mount points. Its path shows in the boxes' /proc/mounts: let it tell nothing secret. */
  runDir: string;
  /** Folders of the image, topmost first, with unshifted ids. */
  imageLayers: string[];
  /** Folder of the box daemon on the host; the box sees it read-only at /opt/banata. */
  boxdDir: string;
  /** Addresses of the boxes, `10.213.0.0/16` say. Default: a /16 of 10/8 that is free on this host. */
  subnet?: string;
  /** Size of the pool that holds what boxes write, bytes. Fixed when the pool is first made. */
  poolBytes: number;
  /**
   * Allot the pool's space on disk at once, so that a full host cannot fail writes of boxes. `auto`, the default: where
   * a fifth of the host's disk stays free.
   */
  reservePool?: boolean | 'auto';
  /**
   * Boxes kept started for the next `create`, in the order in which they are started. While the host is short of
   * memory fewer are kept. Default: none.
   */
  warm?: WarmStock[];
  /** How many sets of namespaces are kept ready for boxes that start cold. Default 2. */
  spareSlots?: number;
  /** Limits that warm boxes start with. `create` changes them where it asks for others. */
  defaultLimits: BoxLimits;
  /** More names for the boxes' /etc/hosts, name to IPv4 address. */
  extraHosts?: Record<string, string>;
  /** Name servers in the boxes' resolv.conf. Default: the service address, where the server answers. */
  dnsServers?: string[];
  /** Private ranges that boxes may reach all the same. Host, other boxes and link-local addresses stay closed. */
  allowPrivateCidrs?: string[];
  /** Port of the daemon in the box. Default 7080. */
  boxPort?: number;
  /** Port of the server's listener for boxes, on the service address. Default 7071. */
  servicePort?: number;
  /** Port of the server's name service for boxes, on the service address. Default 7072. */
  dnsPort?: number;
  /** Port of the server's egress proxy, on the service address. Default 7073. */
  proxyPort?: number;
  /**
   * Further TCP ports of the service address that boxes may reach, where the server forwards them. Default: none.
   */
  hostPorts?: number[];
  /** How long a box may take until its daemon answers, milliseconds. Default 15,000. */
  startTimeoutMs?: number;
  /** Isolation of boxes that ask for none. Default: `container`. */
  isolation?: BoxIsolation;
  /** Isolations that boxes may ask for. Default: that one only. */
  isolations?: BoxIsolation[];
  /** gVisor's program, by name or path. Default: `runsc`. */
  runscPath?: string;
  logger: Logger;
}

/** The options, checked and with every default in place. */
export interface OciSettings extends Required<Omit<OciDriverOptions, 'subnet' | 'dnsServers'>> {
  subnet: string | undefined;
  dnsServers: string[] | undefined;
  names: HostNames;
  /** Folders and files below dataDir and runDir. */
  paths: OciPaths;
}

export interface OciPaths {
  lock: string;
  hostRecord: string;
  poolFile: string;
  pool: string;
  disks: string;
  /** Copies of disks. */
  checkpoints: string;
  /** Memory of stored boxes. */
  memories: string;
  records: string;
  bundles: string;
  mounts: string;
  userNamespaces: string;
  runtimeRoot: string;
  runscRoot: string;
}

function pathsOf(dataDir: string, runDir: string): OciPaths {
  return {
    lock: path.join(dataDir, 'driver.lock'),
    hostRecord: path.join(dataDir, 'host.json'),
    poolFile: path.join(dataDir, 'pool.img'),
    pool: path.join(dataDir, 'pool'),
    disks: path.join(dataDir, 'pool', 'boxes'),
    checkpoints: path.join(dataDir, 'pool', 'checkpoints'),
    memories: path.join(dataDir, 'pool', 'memories'),
    records: path.join(dataDir, 'boxes'),
    bundles: path.join(runDir, 'b'),
    mounts: path.join(runDir, 'm'),
    userNamespaces: path.join(runDir, 'u'),
    runtimeRoot: path.join(runDir, 'r'),
    runscRoot: path.join(runDir, 'g'),
  };
}

function checkPaths(options: OciDriverOptions): void {
  const { dataDir, runDir, boxdDir, imageLayers } = options;
  if (imageLayers.length === 0)
    throw new DriverError('HOST_UNSUITABLE', 'imageLayers is empty: give at least one folder.');
  for (const folder of [dataDir, runDir, boxdDir, ...imageLayers]) {
    if (!/^\/[A-Za-z0-9._/-]+$/.test(folder)) {
      throw new DriverError(
        'HOST_UNSUITABLE',
        `The path "${folder}" cannot be used for mounts: give an absolute path of letters, digits and . _ - / only.`,
      );
    }
  }
}

function checkBlocks(name: string, blocks: string[]): void {
  for (const block of blocks) {
    if (!parseCidr(block)) {
      throw new DriverError(
        'HOST_UNSUITABLE',
        `${name} has "${block}": give IPv4 blocks such as 10.1.0.0/16.`,
      );
    }
  }
}

const DEFAULTS = {
  subnet: undefined,
  dnsServers: undefined,
  reservePool: 'auto',
  warm: [],
  spareSlots: 2,
  extraHosts: {},
  boxPort: 7080,
  servicePort: 7071,
  dnsPort: 7072,
  proxyPort: 7073,
  startTimeoutMs: 15_000,
  isolation: 'container',
  runscPath: 'runsc',
} as const satisfies Partial<OciSettings>;

/** @throws {@link DriverError} naming the option that cannot be used. */
export function resolveSettings(options: OciDriverOptions): OciSettings {
  checkPaths(options);
  checkBlocks('allowPrivateCidrs', options.allowPrivateCidrs ?? []);
  checkBlocks('dnsServers', options.dnsServers ?? []);
  checkBlocks('extraHosts', Object.values(options.extraHosts ?? {}));
  checkBlocks('subnet', options.subnet === undefined ? [] : [options.subnet]);
  const { isolation = DEFAULTS.isolation, isolations = [] } = options;
  return {
    ...DEFAULTS,
    allowPrivateCidrs: [],
    hostPorts: [],
    ...options,
    isolations: [...new Set([isolation, ...isolations])],
    names: hostNames(options.instanceId),
    paths: pathsOf(options.dataDir, options.runDir),
  };
}

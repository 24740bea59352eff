import type { BoxIsolation, BoxLimits } from '../driver.ts';
import { groupLimits, processLimits, runtimeResources } from './box-limits.ts';
import { RANGE_SIZE } from './claims.ts';
import { seccompProfile } from './seccomp.ts';
import type { SeccompProfile } from './seccomp.ts';

const MIB = 1024 * 1024;
const SHARED_MEMORY_BYTES = 512 * MIB;
const RUN_BYTES = 64 * MIB;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Capabilities of root in the box, valid in its own user namespace only: what package managers need to install files
 * of any owner (the first six), to stop processes of other users, and what sshd or debootstrap need.
 */
const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
];

/**
 * What describes the host rather than the box: its memory and addresses, keys, start options and modules, disks (the
 * files behind loop devices by their paths), file systems, serial numbers, sensors.
 */
const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/cmdline',
  '/proc/config.gz',
  '/proc/fs',
  '/proc/interrupts',
  '/proc/iomem',
  '/proc/ioports',
  '/proc/kallsyms',
  '/proc/kcore',
  '/proc/keys',
  '/proc/key-users',
  '/proc/latency_stats',
  '/proc/mdstat',
  '/proc/modules',
  '/proc/partitions',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/block',
  '/sys/devices/virtual/dmi',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/btrfs',
  '/sys/fs/ext4',
  '/sys/fs/selinux',
  '/sys/kernel',
  '/sys/module',
];
const READONLY_PATHS = ['/proc/bus', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Files of /proc that lxcfs offers with what the box has in place of what the host has. */
const LXCFS_FILES = ['cpuinfo', 'diskstats', 'loadavg', 'meminfo', 'stat', 'swaps', 'uptime'];

export interface SpecInput {
  isolation: BoxIsolation;
  limits: BoxLimits;
  /** CPUs the box is confined to; empty where the host cannot do that. */
  cpuset: string;
  /** Whether the host can limit memory and swap together. */
  limitsSwap: boolean;
  /** The host's hard limit of open files. */
  mostOpenFiles: number;
  /** Where lxcfs is mounted; undefined where it does not run. */
  lxcfs: string | undefined;
  /** Host id that is root in the box. */
  firstId: number;
  userNamespace: string;
  networkNamespace: string;
  cgroupPath: string;
  /** Mounted overlay. */
  root: string;
  /** Folder of the box's disk, shown through the box's ids: `workspace` and the three files below /etc. */
  disk: string;
  /** Folder of the box daemon, shown through the box's ids. */
  daemon: string;
  /** Folder that becomes /run/banata. */
  secrets: string;
  architecture: NodeJS.Architecture;
}

interface OciMount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

interface IdMap {
  containerID: number;
  hostID: number;
  size: number;
}

/** The parts of an OCI runtime configuration (opencontainers/runtime-spec 1.0.2) that boxes use. */
export interface OciSpec {
  ociVersion: '1.0.2';
  process: {
    terminal: false;
    user: { uid: number; gid: number };
    args: string[];
    env: string[];
    cwd: string;
    capabilities: Record<'bounding' | 'effective' | 'permitted', string[]>;
    rlimits: { type: string; hard: number; soft: number }[];
    noNewPrivileges: true;
    oomScoreAdj: number;
  };
  root: { path: string; readonly: false };
  hostname: string;
  mounts: OciMount[];
  linux: {
    namespaces: { type: string; path?: string }[];
    uidMappings: IdMap[];
    gidMappings: IdMap[];
    cgroupsPath: string;
    resources: object;
    seccomp?: SeccompProfile;
    maskedPaths?: string[];
    readonlyPaths?: string[];
  };
}

function temporary(destination: string, source: string, options: string[]): OciMount {
  return { destination, type: 'tmpfs', source, options: ['nosuid', ...options] };
}

function bind(destination: string, source: string, options: string[]): OciMount {
  return { destination, type: 'bind', source, options: ['bind', 'nosuid', 'nodev', ...options] };
}

function lxcfsMounts({ lxcfs, isolation }: SpecInput): OciMount[] {
  // gVisor has a /proc of its own, which tells the truth already.
  if (lxcfs === undefined || isolation === 'gvisor') return [];
  return LXCFS_FILES.map((file) => bind(`/proc/${file}`, `${lxcfs}/proc/${file}`, []));
}

function cgroupMount({ isolation }: SpecInput, virtual: string[]): OciMount[] {
  // What gVisor would show there are groups of its own, without the limits of the box.
  if (isolation === 'gvisor') return [];
  const options = [...virtual, 'relatime', 'ro'];
  return [{ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options }];
}

function mounts(input: SpecInput): OciMount[] {
  const { disk, daemon, secrets } = input;
  const virtual = ['nosuid', 'noexec', 'nodev'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: virtual },
    temporary('/dev', 'tmpfs', ['strictatime', 'mode=755', `size=${MIB}`]),
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    temporary('/dev/shm', 'shm', ['noexec', 'nodev', 'mode=1777', `size=${SHARED_MEMORY_BYTES}`]),
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: virtual },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...virtual, 'ro'] },
    ...cgroupMount(input, virtual),
    temporary('/run', 'tmpfs', ['nodev', 'mode=755', `size=${RUN_BYTES}`]),
    bind('/run/banata', secrets, ['ro', 'noexec']),
    bind('/opt/banata', daemon, ['ro']),
    bind('/workspace', disk + '/workspace', []),
    bind('/etc/hosts', disk + '/hosts', []),
    bind('/etc/hostname', disk + '/hostname', []),
    bind('/etc/resolv.conf', disk + '/resolv.conf', []),
    ...lxcfsMounts(input),
  ];
}

/** Namespaces of a box. Those with a path were made before it. */
function namespaces({
  isolation,
  userNamespace,
  networkNamespace,
}: SpecInput): OciSpec['linux']['namespaces'] {
  // runsc has many threads when it gets to joining, and a process with threads can join no user namespace: it makes one
  // of the same ids.
  const user = isolation === 'gvisor' ? { type: 'user' } : { type: 'user', path: userNamespace };
  const own = ['pid', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type }));
  return [user, { type: 'network', path: networkNamespace }, ...own];
}

/** What confines programs of the box to a part of the host's kernel. With gVisor they do not get there at all. */
function kernelFilters({ isolation, architecture }: SpecInput): Partial<OciSpec['linux']> {
  if (isolation === 'gvisor') return {};
  return {
    seccomp: seccompProfile(architecture),
    maskedPaths: MASKED_PATHS,
    readonlyPaths: READONLY_PATHS,
  };
}

function resources({ limits, isolation, cpuset, limitsSwap }: SpecInput): object {
  const { memoryBytes } = limits;
  // gVisor takes the memory it starts with for all there is, so the host's share for gVisor itself is added later.
  return runtimeResources({ ...groupLimits(limits, isolation, cpuset), memoryBytes }, limitsSwap);
}

/** Builds the runtime's configuration of a box. */
export function buildSpec(input: SpecInput): OciSpec {
  const map: IdMap[] = [{ containerID: 0, hostID: input.firstId, size: RANGE_SIZE }];
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['/usr/bin/tini', '--', '/opt/banata/bin/boxd-init'],
      env: [`PATH=${PATH}`, 'HOME=/root', 'LANG=C.UTF-8'],
      cwd: '/',
      capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
      rlimits: processLimits(input.limits, input.isolation, input.mostOpenFiles),
      noNewPrivileges: true,
      // When the host runs out of memory, boxes go before the platform.
      oomScoreAdj: 100,
    },
    root: { path: input.root, readonly: false },
    hostname: 'banata',
    mounts: mounts(input),
    linux: {
      namespaces: namespaces(input),
      uidMappings: map,
      gidMappings: map,
      cgroupsPath: input.cgroupPath,
      resources: resources(input),
      ...kernelFilters(input),
    },
  };
}

import type { BoxLimits } from '../driver.ts';
import { CPU_PERIOD_US } from './cgroups.ts';
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

const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export interface SpecInput {
  limits: BoxLimits;
  /** Whether the host can limit memory and swap together. */
  limitsSwap: boolean;
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
    seccomp: SeccompProfile;
    maskedPaths: string[];
    readonlyPaths: string[];
  };
}

function temporary(destination: string, source: string, options: string[]): OciMount {
  return { destination, type: 'tmpfs', source, options: ['nosuid', ...options] };
}

function bind(destination: string, source: string, options: string[]): OciMount {
  return { destination, type: 'bind', source, options: ['bind', 'nosuid', 'nodev', ...options] };
}

function mounts({ disk, daemon, secrets }: SpecInput): OciMount[] {
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
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [...virtual, 'relatime', 'ro'],
    },
    temporary('/run', 'tmpfs', ['nodev', 'mode=755', `size=${RUN_BYTES}`]),
    bind('/run/banata', secrets, ['ro', 'noexec']),
    bind('/opt/banata', daemon, ['ro']),
    bind('/workspace', disk + '/workspace', []),
    bind('/etc/hosts', disk + '/hosts', []),
    bind('/etc/hostname', disk + '/hostname', []),
    bind('/etc/resolv.conf', disk + '/resolv.conf', []),
  ];
}

/** Limits in the form the runtime takes; it translates them for cgroup v1 and v2. */
function resources({ cpus, memoryBytes, pids }: BoxLimits, limitsSwap: boolean): object {
  return {
    cpu: { quota: Math.round(cpus * CPU_PERIOD_US), period: CPU_PERIOD_US },
    memory: { limit: memoryBytes, ...(limitsSwap ? { swap: memoryBytes } : {}) },
    pids: { limit: pids },
    devices: [{ allow: false, access: 'rwm' }],
  };
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
      // Core dumps would go to a program of the host.
      rlimits: [{ type: 'RLIMIT_CORE', hard: 0, soft: 0 }],
      noNewPrivileges: true,
      // When the host runs out of memory, boxes go before the platform.
      oomScoreAdj: 100,
    },
    root: { path: input.root, readonly: false },
    hostname: 'banata',
    mounts: mounts(input),
    linux: {
      namespaces: [
        { type: 'user', path: input.userNamespace },
        { type: 'network', path: input.networkNamespace },
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'cgroup' },
      ],
      uidMappings: map,
      gidMappings: map,
      cgroupsPath: input.cgroupPath,
      resources: resources(input.limits, input.limitsSwap),
      seccomp: seccompProfile(input.architecture),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

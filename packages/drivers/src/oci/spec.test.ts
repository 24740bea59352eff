import { expect, test } from 'vitest';

import { buildSpec } from './spec.ts';
import type { SpecInput } from './spec.ts';

const INPUT: SpecInput = {
  isolation: 'container',
  limits: {
    cpus: 1.5,
    memoryBytes: 4 * 2 ** 30,
    pids: 1_024,
    diskBytes: 2 ** 30,
    openFiles: 4_096,
    networkBitsPerSecond: 0,
  },
  cpuset: '2,3',
  limitsSwap: true,
  mostOpenFiles: 20_000,
  lxcfs: undefined,
  firstId: 2 ** 31,
  userNamespace: '/run/o/u/7',
  networkNamespace: '/run/netns/bn-ab12cd-7',
  cgroupPath: '/banata-ab12cd/0123456789ab',
  root: '/run/o/m/7/root',
  disk: '/run/o/m/7/disk',
  daemon: '/run/o/m/7/daemon',
  secrets: '/run/o/b/0123456789ab/secrets',
  architecture: 'x64',
};

test('builds the configuration of a box', () => {
  expect(buildSpec(INPUT)).toMatchSnapshot();
});

test('leaves swap out where the host cannot limit it', () => {
  expect(JSON.stringify(buildSpec({ ...INPUT, limitsSwap: false }).linux.resources)).not.toContain('swap');
});

test('gives the box no capability outside its allow-list, and no way to gain any', () => {
  const { capabilities, noNewPrivileges } = buildSpec(INPUT).process;
  expect(noNewPrivileges).toBe(true);
  for (const held of Object.values(capabilities)) {
    expect(held).not.toContain('CAP_SYS_ADMIN');
    expect(held).not.toContain('CAP_NET_ADMIN');
    expect(held).not.toContain('CAP_SYS_PTRACE');
  }
});

test('filters the system calls of the architecture it runs on', () => {
  const { seccomp } = buildSpec({ ...INPUT, architecture: 'arm64' }).linux;
  expect(seccomp?.architectures).toEqual(['SCMP_ARCH_AARCH64']);
  const allowed = (seccomp?.syscalls ?? [])
    .filter(({ action }) => action === 'SCMP_ACT_ALLOW')
    .flatMap(({ names }) => names);
  for (const call of [
    'mount',
    'unshare',
    'setns',
    'bpf',
    'keyctl',
    'add_key',
    'kexec_load',
    'io_uring_setup',
    'userfaultfd',
  ]) {
    expect(allowed).not.toContain(call);
  }
});

test('makes the same box for gVisor, without what only the host’s kernel needs', () => {
  const { linux, mounts, process } = buildSpec({ ...INPUT, isolation: 'gvisor', lxcfs: '/var/lib/lxcfs' });
  const container = buildSpec(INPUT);
  expect(linux.uidMappings).toEqual(container.linux.uidMappings);
  expect(process.capabilities).toEqual(container.process.capabilities);
  expect(linux).not.toHaveProperty('seccomp');
  expect(linux.namespaces).toContainEqual({ type: 'user' });
  expect(mounts.map(({ destination }) => destination)).toEqual(
    container.mounts.map(({ destination }) => destination).filter((place) => place !== '/sys/fs/cgroup'),
  );
});

test('shows the files of lxcfs where it runs', () => {
  const { mounts } = buildSpec({ ...INPUT, lxcfs: '/var/lib/lxcfs' });
  expect(mounts).toContainEqual(
    expect.objectContaining({ destination: '/proc/meminfo', source: '/var/lib/lxcfs/proc/meminfo' }),
  );
});

/** Whether the filter lets a call with these arguments through: one of its rules says so. */
function allows(name: string, args: number[]): boolean {
  const rules = buildSpec(INPUT).linux.seccomp?.syscalls ?? [];
  return rules
    .filter((rule) => rule.action === 'SCMP_ACT_ALLOW' && rule.names.includes(name))
    .some((rule) =>
      (rule.args ?? []).every(({ index, value, valueTwo, op }) => {
        const given = args[index] ?? 0;
        return op === 'SCMP_CMP_EQ' ? given === value : (given & value) >>> 0 === valueTwo;
      }),
    );
}

test.each([
  ['make a subvolume', 0x5000_940e, false],
  ['search the trees of btrfs', 0xd000_9411, false],
  ['share the blocks of a file', 0x4004_9409, true],
  ['share a part of a file', 0x4020_940d, true],
  ['read the settings of a terminal', 0x5401, true],
  ['count what can be read', 0x541b, true],
  ['make a descriptor close on exec', 0x5451, true],
  ['ask for the flags of a file', 0x8008_6601, true],
])('the filter judges ioctl by its number: %s', (_, number, allowed) => {
  expect(allows('ioctl', [3, number])).toBe(allowed);
});

test('the filter knows the usual sockets and no others', () => {
  expect([1, 2, 10].every((family) => allows('socket', [family, 1, 0]))).toBe(true);
  expect(allows('socket', [16, 3, 0])).toBe(true);
  expect(allows('socket', [16, 3, 12])).toBe(false);
  expect([17, 38, 40, 44].some((family) => allows('socket', [family, 1, 0]))).toBe(false);
});

import { expect, test } from 'vitest';

import { buildSpec } from './spec.ts';
import type { SpecInput } from './spec.ts';

const INPUT: SpecInput = {
  limits: { cpus: 1.5, memoryBytes: 4 * 2 ** 30, pids: 1_024, diskBytes: 2 ** 30 },
  limitsSwap: true,
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
  expect(seccomp.architectures).toEqual(['SCMP_ARCH_AARCH64']);
  const allowed = seccomp.syscalls
    .filter(({ action }) => action === 'SCMP_ACT_ALLOW')
    .flatMap(({ names }) => names);
  expect(new Set(allowed).size).toBe(allowed.length - 4);
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

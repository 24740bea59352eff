import { expect, test } from 'vitest';

import { groupLimits, processLimits, runtimeResources } from './box-limits.ts';

const LIMITS = {
  cpus: 1.5,
  memoryBytes: 2 ** 30,
  pids: 100,
  diskBytes: 2 ** 30,
  openFiles: 4_096,
  networkBitsPerSecond: 0,
};

test('gives gVisor room of its own beside what the box may use', () => {
  const container = groupLimits(LIMITS, 'container', '0,1');
  const gvisor = groupLimits(LIMITS, 'gvisor', '0,1');
  expect(container).toEqual({ cpus: 1.5, cpuset: '0,1', memoryBytes: 2 ** 30, pids: 100 });
  expect(gvisor.memoryBytes).toBeGreaterThan(container.memoryBytes);
  expect(gvisor.pids).toBeGreaterThan(container.pids * 2);
});

test('leaves out what the host cannot limit', () => {
  const text = JSON.stringify(runtimeResources(groupLimits(LIMITS, 'container', ''), false));
  expect(text).not.toMatch(/swap|"cpus"/);
});

test('asks for no more open files than the host allows, and counts processes where no cgroup does', () => {
  const find = (list: ReturnType<typeof processLimits>, type: string): number | undefined =>
    list.find((limit) => limit.type === type)?.hard;
  expect(find(processLimits(LIMITS, 'container', 1_024), 'RLIMIT_NOFILE')).toBe(1_024);
  expect(find(processLimits(LIMITS, 'container', 20_000), 'RLIMIT_NOFILE')).toBe(4_096);
  expect(find(processLimits(LIMITS, 'container', 20_000), 'RLIMIT_NPROC')).toBeUndefined();
  expect(find(processLimits(LIMITS, 'gvisor', 20_000), 'RLIMIT_NPROC')).toBe(100);
});

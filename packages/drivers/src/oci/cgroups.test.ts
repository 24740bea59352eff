import { expect, test } from 'vitest';

import { cgroupLayout, parseCpuList } from './cgroups.ts';
import { parseMountTable } from './kernel/mount-table.ts';

const V2 =
  '30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const HYBRID = [
  '31 30 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw',
  '32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct',
  '33 30 0:29 / /sys/fs/cgroup/memory rw shared:12 - cgroup cgroup rw,memory',
  '34 30 0:30 / /sys/fs/cgroup/pids rw shared:13 - cgroup cgroup rw,pids',
  '35 30 0:31 / /sys/fs/cgroup/freezer rw shared:14 - cgroup cgroup rw,freezer',
];

test('finds the one hierarchy of v2', () => {
  const layout = cgroupLayout(parseMountTable(V2));
  expect(layout).toMatchObject({ version: 2, roots: ['/sys/fs/cgroup'] });
  expect(layout?.controllers.memory).toBe('/sys/fs/cgroup');
});

test('finds the hierarchies of v1, also beside a v2 without controllers', () => {
  const layout = cgroupLayout(parseMountTable(HYBRID.join('\n')));
  expect(layout?.version).toBe(1);
  expect(layout?.controllers.cpu).toBe('/sys/fs/cgroup/cpu,cpuacct');
  expect(layout?.roots).toContain('/sys/fs/cgroup/unified');
});

test('answers nothing when a controller is missing', () => {
  expect(cgroupLayout(parseMountTable(HYBRID.slice(0, 3).join('\n')))).toBeUndefined();
  expect(cgroupLayout([])).toBeUndefined();
});

test('reads mount points with blanks, and passes over lines of another form', () => {
  const text = `nonsense\n\n40 23 0:40 / /mnt/a\\040b rw - ext4 /dev/x\\011y rw`;
  expect(parseMountTable(text)).toEqual([
    { mountPoint: '/mnt/a b', type: 'ext4', source: '/dev/x\ty', options: 'rw' },
  ]);
});

test('reads lists of CPUs', () => {
  expect(parseCpuList('0-2,5\n')).toEqual([0, 1, 2, 5]);
  expect(parseCpuList('7')).toEqual([7]);
  expect(parseCpuList('\n')).toEqual([]);
});

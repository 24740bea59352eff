import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { Cgroups } from './cgroups.ts';

const PARENT = 'banata-t';
const BOX = '0123456789ab';

let root: string;
let cgroups: Cgroups;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'banata-cgroup2-'));
  await lay('cpuset.cpus.effective', '0-3', '.');
  cgroups = await Cgroups.open(PARENT, [
    { mountPoint: root, type: 'cgroup2', source: 'cgroup2', options: 'rw,nsdelegate' },
  ]);
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Lays a file down as the kernel would show it in the box's cgroup, or in another one. */
async function lay(file: string, text: string, folder = path.join(PARENT, BOX)): Promise<void> {
  await mkdir(path.join(root, folder), { recursive: true });
  await writeFile(path.join(root, folder, file), `${text}\n`);
}

async function read(file: string): Promise<string> {
  return (await readFile(path.join(root, PARENT, BOX, file), 'utf8')).trim();
}

test('knows the CPUs and that swap can be limited, and leaves groups to be made by the runtime', async () => {
  expect(cgroups.cpus).toEqual([0, 1, 2, 3]);
  expect(await cgroups.limitsSwap()).toBe(true);
  expect(cgroups.runtimePath(BOX)).toBe(`/${PARENT}/${BOX}`);
  expect(await cgroups.boxes()).toEqual([]);
});

test('changes limits by the files of v2', async () => {
  await lay('pids.max', 'max');
  await cgroups.limit(BOX, { cpus: 1.5, cpuset: '0-1', memoryBytes: 2 ** 30, pids: 64 });
  expect(await read('cpu.max')).toBe('150000 100000');
  expect(await read('memory.max')).toBe(String(2 ** 30));
  expect(await read('pids.max')).toBe('64');
  expect(await read('cpuset.cpus')).toBe('0-1');
});

test('reads usage without the pages that can be dropped', async () => {
  await lay('cpu.stat', 'usage_usec 2500\nuser_usec 2000');
  await lay('memory.current', '900');
  await lay('memory.stat', 'anon 500\ninactive_file 300');
  await lay('pids.current', '7');
  const usage = { cpuUs: 2500, memoryBytes: 600, pids: 7 };
  expect(await cgroups.usage(BOX)).toEqual({ ...usage, memoryPeakBytes: 900 });
  await lay('memory.peak', '1200');
  expect(await cgroups.usage(BOX)).toEqual({ ...usage, memoryPeakBytes: 1200 });
  expect(await cgroups.usage('ffffffffffff')).toBeUndefined();
});

test('tells frozen boxes and such that ran out of memory', async () => {
  expect(await cgroups.isFrozen(BOX)).toBe(false);
  await lay('cgroup.freeze', '1');
  expect(await cgroups.isFrozen(BOX)).toBe(true);
  await lay('memory.events', 'low 0\noom 3\noom_kill 0');
  expect(await cgroups.ranOutOfMemory(BOX)).toBe(false);
  await lay('memory.events', 'low 0\noom 3\noom_kill 1');
  expect(await cgroups.ranOutOfMemory(BOX)).toBe(true);
});

test('thaws a box before it ends its processes, which a frozen one could not', async () => {
  await lay('cgroup.freeze', '1');
  await lay('cgroup.procs', '');
  await cgroups.killAll(BOX);
  expect(await read('cgroup.freeze')).toBe('0');
  expect(await cgroups.boxes()).toEqual([BOX]);
});

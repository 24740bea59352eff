import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCgroup, readProcessLimit } from './cgroup-counters.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banata-cgroup-'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function lay(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${text}\n`);
  }
}

test('reads cgroup v1', async () => {
  await lay({
    'memory/memory.limit_in_bytes': '1000',
    'memory/memory.usage_in_bytes': '700',
    'memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 200',
    'memory/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3',
    'pids/pids.max': 'max',
    'pids/pids.current': '12',
    'pids/pids.events': 'max 4',
    'cpu/cpu.cfs_quota_us': '150000',
    'cpu/cpu.cfs_period_us': '100000',
    'cpuacct/cpuacct.usage': '2500000000',
  });
  expect(readCgroup(root)).toEqual({
    memoryLimitBytes: 1000,
    memoryUsedBytes: 500,
    pidsLimit: null,
    pids: 12,
    oomKills: 3,
    pidsRefused: 4,
    cpuLimit: 1.5,
    cpuSeconds: 2.5,
  });
});

test('reads cgroup v2', async () => {
  await lay({
    'memory.max': 'max',
    'memory.current': '700',
    'memory.stat': 'anon 5\ninactive_file 100',
    'memory.events': 'low 0\noom 1\noom_kill 2\noom_group_kill 0',
    'pids.max': '64',
    'pids.current': '12',
    'pids.events': 'max 0',
    'cpu.max': '50000 100000',
    'cpu.stat': 'usage_usec 3000000\nuser_usec 1',
  });
  expect(readCgroup(root)).toEqual({
    memoryLimitBytes: null,
    memoryUsedBytes: 600,
    pidsLimit: 64,
    pids: 12,
    oomKills: 2,
    pidsRefused: 0,
    cpuLimit: 0.5,
    cpuSeconds: 3,
  });
});

test('says null where there is nothing to see, or no limit', async () => {
  expect(new Set(Object.values(readCgroup(root)))).toEqual(new Set([null]));
  await lay({ 'memory/memory.limit_in_bytes': '9223372036854771712', 'cpu.max': 'max 100000' });
  expect(readCgroup(root)).toMatchObject({ memoryLimitBytes: null, cpuLimit: null });
});

test('reads how many processes an account may have', async () => {
  await lay({ limits: 'Max processes             192                  192                  processes' });
  expect(readProcessLimit(join(root, 'limits'))).toBe(192);
  await lay({ limits: 'Max processes             unlimited            unlimited            processes' });
  expect(readProcessLimit(join(root, 'limits'))).toBeNull();
});

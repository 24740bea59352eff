import { expect, test } from 'vitest';
import type { CgroupCounters } from './cgroup-counters.ts';
import { LimitWatch } from './limit-watch.ts';

const calm: CgroupCounters = {
  memoryLimitBytes: 512 * 1024 * 1024,
  memoryUsedBytes: 1,
  pidsLimit: 100,
  pids: 10,
  oomKills: 2,
  pidsRefused: 5,
  cpuLimit: 1,
  cpuSeconds: 1,
};

function watch(): { look: (now: Partial<CgroupCounters>) => string[]; crowded: () => number } {
  let counters = calm;
  let told: string[] = [];
  let crowded = 0;
  const events = { report: (limit: string, detail: string) => void told.push(`${limit}: ${detail}`) };
  const watched = new LimitWatch({
    events,
    read: () => counters,
    accountLimit: 75,
    crowded: async () => void (crowded += 1),
  });
  return {
    crowded: () => crowded,
    look: (now) => {
      counters = { ...counters, ...now };
      told = [];
      watched.look();
      return told;
    },
  };
}

test('tells of what the counters gained, not of what they held before', () => {
  const { look } = watch();
  expect(look({})).toEqual([]);
  expect(look({ oomKills: 3 })).toEqual([
    'memory: The kernel killed 1 process since the sandbox used all of 512 MiB',
  ]);
  expect(look({})).toEqual([]);
  expect(look({ oomKills: 5, memoryLimitBytes: null })).toEqual([
    'memory: The kernel killed 2 processes since the sandbox used all of its memory limit',
  ]);
  expect(look({ pidsRefused: 9 })).toEqual([
    'pids: All 100 processes and threads of the sandbox were in use',
  ]);
  expect(look({ oomKills: null, pidsRefused: null, pids: null })).toEqual([]);
});

test('calls for room when an account has had all its processes for two looks', async () => {
  const { look, crowded } = watch();
  look({ pids: 75 });
  look({ pids: 20 });
  look({ pids: 75 });
  expect(crowded()).toBe(0);
  look({});
  expect(crowded()).toBe(1);
});

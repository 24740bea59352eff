import { expect, test } from 'vitest';
import { parseMemoryInfo } from './memory-info.ts';
import { isGvisor, Watchdog, type WatchedProcesses } from './watchdog.ts';

const GIB = 1024 ** 3;

test('knows the kernel of gVisor', () => {
  expect(isGvisor({ release: '4.4.0', version: '#1 SMP Sun Jan 10 15:06:54 PST 2016' })).toBe(true);
  expect(isGvisor({ release: '4.19.0-gvisor', version: '#1 SMP' })).toBe(true);
  expect(isGvisor({ release: '6.18.5', version: '#1 SMP PREEMPT_DYNAMIC Debian' })).toBe(false);
});

test('reads /proc/meminfo', () => {
  const text = 'MemTotal:         781248 kB\nMemFree:          1 kB\nMemAvailable:     648412 kB\n';
  expect(parseMemoryInfo(text)).toEqual({ totalBytes: 781248 * 1024, availableBytes: 648412 * 1024 });
  expect(() => parseMemoryInfo('MemTotal: 1 kB\n')).toThrow('MemAvailable');
});

/** Processes of a box that exist here only; never those of the machine the test runs on. */
function fakeBox(sizes: number[]): { processes: WatchedProcesses; killed: number[] } {
  const killed: number[] = [];
  const processes: WatchedProcesses = {
    count: () => sizes.length,
    countThreads: () => sizes.length,
    candidates: () =>
      sizes.map((memoryBytes, index) => ({
        pid: 1_000_000 + index,
        parent: 1,
        group: 1_000_000 + index,
        session: 1_000_000 + index,
        state: 'S',
        name: `program-${index}`,
        threads: 1,
        memoryBytes,
      })),
    kill: (pids) => void killed.push(...pids),
  };
  return { processes, killed };
}

test('looks the sooner the less memory is left, and leaves programs alone while there is some', () => {
  const { processes, killed } = fakeBox([GIB]);
  const look = (availableBytes: number): number =>
    new Watchdog({
      limits: () => undefined,
      readMemory: () => ({ totalBytes: 4 * GIB, availableBytes }),
      report: () => expect.fail('there is memory left'),
      processes,
    }).look();
  expect(look(3.5 * GIB)).toBe(500);
  expect(look(0.8 * GIB)).toBeLessThan(100);
  expect(look(0.61 * GIB)).toBe(25);
  expect(killed).toEqual([]);
});

test('ends the largest program when the memory is nearly used up, and says so', () => {
  const { processes, killed } = fakeBox([0.2 * GIB, 3 * GIB, 0.1 * GIB]);
  const reports: string[] = [];
  new Watchdog({
    limits: () => undefined,
    readMemory: () => ({ totalBytes: 4 * GIB, availableBytes: 0.3 * GIB }),
    report: (limit, detail) => void reports.push(`${limit}: ${detail}`),
    processes,
  }).look();
  expect(new Set(killed)).toEqual(new Set([1_000_001]));
  expect(reports).toEqual([expect.stringContaining('memory: program-1 of 3072 MiB')]);
});

test('makes room while programs stand still: the largest first, until there is memory again', async () => {
  const { processes, killed } = fakeBox([0.9 * GIB, 0.8 * GIB, 1 * GIB, 0.9 * GIB]);
  let held = 3.9 * GIB;
  const kill = (pids: readonly number[]): void => {
    processes.kill(pids);
    held -= new Set(pids).size * 0.6 * GIB;
  };
  await new Watchdog({
    limits: () => undefined,
    readMemory: () => ({ totalBytes: 4 * GIB, availableBytes: 4 * GIB - held }),
    report: () => undefined,
    processes: { ...processes, kill },
  }).makeRoom();
  expect(new Set(killed)).toEqual(new Set([1_000_002]));
  expect(held).toBeLessThan(0.85 * 4 * GIB);
});

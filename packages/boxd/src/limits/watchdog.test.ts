import { expect, test } from 'vitest';
import { parseMemoryInfo } from './memory-info.ts';
import { isGvisor, Watchdog } from './watchdog.ts';

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

test('looks the sooner the less memory is left', () => {
  const look = (availableBytes: number): number =>
    new Watchdog({
      limits: () => undefined,
      readMemory: () => ({ totalBytes: 4 * GIB, availableBytes }),
      report: () => expect.fail('there is memory left'),
    }).look();
  expect(look(3.5 * GIB)).toBe(500);
  expect(look(0.8 * GIB)).toBeLessThan(100);
  expect(look(0.61 * GIB)).toBe(25);
});

import { expect, test } from 'vitest';
import { loadConfig } from './index.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

test('there is the standard size, as the settings of sandboxes say', () => {
  expect(loadConfig({}).sizes).toEqual({
    standard: {
      cpus: 2,
      memoryBytes: 4 * GIB,
      pids: 1024,
      diskBytes: 10 * GIB,
      openFiles: 16384,
      networkBitsPerSecond: 0,
      outputBytes: 64 * MIB,
    },
  });
});

test('sizes of the operator take from the standard one what they leave out', () => {
  const { sizes, limits } = loadConfig({
    BANATA_SANDBOX_OPEN_FILES: '1000',
    BANATA_SANDBOX_OUTPUT_MIB: '16',
    BANATA_SIZES:
      '{"large":{"cpus":4,"memoryGib":8,"diskGib":20,"networkMbit":100,"pids":2000},"tiny":{"cpus":0.5,"outputMib":1}}',
  });
  expect(Object.keys(sizes)).toEqual(['standard', 'large', 'tiny']);
  expect(sizes['large']).toEqual({
    cpus: 4,
    memoryBytes: 8 * GIB,
    pids: 2000,
    diskBytes: 20 * GIB,
    openFiles: 1000,
    networkBitsPerSecond: 100_000_000,
    outputBytes: 16 * MIB,
  });
  expect(sizes['tiny']).toEqual({ ...limits, cpus: 0.5, outputBytes: MIB });
});

test.each([
  ['large', /BANATA_SIZES: not JSON/],
  ['[]', /BANATA_SIZES: .*expected record/],
  ['{"Large":{}}', /"Large"/],
  ['{"large":{"cpus":0}}', /"large\.cpus"/],
  ['{"large":{"outputMib":0}}', /"large\.outputMib"/],
  ['{"large":{"outputMib":1025}}', /"large\.outputMib"/],
  ['{"large":{"outputMib":1.5}}', /"large\.outputMib"/],
  [
    '{"large":{"inodes":5}}',
    /"large\.inodes": .*may have cpus, memoryGib, pids, diskGib, openFiles, networkMbit, outputMib/,
  ],
  ['{"standard":{"cpus":1}}', /BANATA_SANDBOX_CPUS/],
])('%s is refused', (text, message) => {
  expect(() => loadConfig({ BANATA_SIZES: text })).toThrow(message);
});

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { expect, test } from 'vitest';

import { BoxRecords, parseBoxRecord } from './box-record.ts';
import type { BoxRecord } from './box-record.ts';

const RECORD: BoxRecord = {
  version: 1,
  name: '0123456789ab',
  state: 'assigned',
  id: 'a'.repeat(32),
  slot: 3,
  address: '10.213.0.18',
  token: 'secret',
  limits: { cpus: 2, memoryBytes: 1, pids: 1, diskBytes: 1, openFiles: 5, networkBitsPerSecond: 0 },
  isolation: 'gvisor',
  services: 'browser',
  process: { pid: 7, startTime: '12' },
};

test('reads back what it wrote, and clears away what is not whole', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'banata-records-'));
  try {
    const records = new BoxRecords(folder);
    await records.write(RECORD);
    await writeFile(path.join(folder, 'ffffffffffff.json'), '{"version":1,"name":"fff');
    await writeFile(path.join(folder, 'eeeeeeeeeeee.json'), JSON.stringify(RECORD));
    expect(await records.readAll()).toEqual([RECORD]);
    expect(await readdir(folder)).toEqual(['0123456789ab.json']);
    await records.remove(RECORD.name);
    expect(await records.readAll()).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.each([
  ['another version', { version: 2 }],
  ['a name that leads elsewhere', { name: '../../etc' }],
  ['an unknown state', { state: 'asleep' }],
  ['no slot', { slot: undefined }],
  ['limits of nothing', { limits: { ...RECORD.limits, pids: 0 } }],
  ['unknown services', { services: 'all' }],
  ['a process without a start', { process: { pid: 3 } }],
])('refuses a record with %s', (_, change) => {
  expect(parseBoxRecord({ ...RECORD, ...change })).toBeUndefined();
});

test('takes over the boxes of a server that knew fewer limits', () => {
  const { isolation, limits, services, ...rest } = RECORD;
  const { cpus, memoryBytes, pids, diskBytes } = limits;
  expect([isolation, services]).toEqual(['gvisor', 'browser']);
  expect(parseBoxRecord({ ...rest, limits: { cpus, memoryBytes, pids, diskBytes } })).toMatchObject({
    isolation: 'container',
    services: 'none',
    limits: { cpus, networkBitsPerSecond: 0 },
  });
});

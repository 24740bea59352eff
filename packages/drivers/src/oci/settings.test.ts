import { expect, test } from 'vitest';

import { resolveSettings } from './settings.ts';
import type { OciDriverOptions } from './settings.ts';

const silent = (): void => undefined;
const OPTIONS: OciDriverOptions = {
  instanceId: 'ab12cd',
  dataDir: '/var/lib/banata/oci',
  runDir: '/var/lib/banata/run/oci',
  imageLayers: ['/image'],
  boxdDir: '/boxd',
  poolBytes: 2 ** 30,
  defaultLimits: {
    cpus: 1,
    memoryBytes: 1,
    pids: 1,
    diskBytes: 1,
    openFiles: 1,
    networkBitsPerSecond: 0,
  },
  logger: { debug: silent, info: silent, warn: silent, error: silent },
};

test('fills in the documented defaults', () => {
  expect(resolveSettings(OPTIONS)).toMatchObject({
    boxPort: 7080,
    servicePort: 7071,
    dnsPort: 7072,
    warm: [],
    isolation: 'container',
    isolations: ['container'],
    runscPath: 'runsc',
    reservePool: 'auto',
    spareSlots: 2,
  });
});

test.each([
  ['imageLayers', { imageLayers: [] }, /imageLayers is empty/],
  [
    'a path with a comma, which would add mount options',
    { imageLayers: ['/a,upperdir=/etc'] },
    /cannot be used for mounts/,
  ],
  ['a path with a colon, which would add a layer', { boxdDir: '/a:/etc' }, /cannot be used for mounts/],
  ['a relative path', { dataDir: 'data' }, /absolute path/],
  ['a subnet', { subnet: '10.0.0.0/99' }, /subnet has "10.0.0.0\/99"/],
  ['an exception', { allowPrivateCidrs: ['10.0.0.0/8 } accept'] }, /allowPrivateCidrs has/],
  ['a name server', { dnsServers: ['dns.example'] }, /dnsServers has/],
  ['an instance id', { instanceId: 'x' }, /instance id/],
])('refuses %s', (_, change, message) => {
  expect(() => resolveSettings({ ...OPTIONS, ...change })).toThrow(message);
});

test('lets boxes ask for the isolation of the driver only, unless it is told otherwise', () => {
  expect(resolveSettings({ ...OPTIONS, isolation: 'gvisor' }).isolations).toEqual(['gvisor']);
  expect(resolveSettings({ ...OPTIONS, isolations: ['gvisor'] }).isolations).toEqual(['container', 'gvisor']);
});

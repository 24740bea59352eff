import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Workbench } from '../conformance/workbench.ts';
import { OciSubject } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';

const MIB = 2 ** 20;
const imageLayers = testImageLayers(process.env);
let home: string;
let subject: OciSubject;
const bench = new Workbench(() => subject);

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-usage-'));
  await chmod(home, 0o711);
  subject = new OciSubject({ home, imageLayers });
});
afterEach(async () => await bench.clear(), 60_000);
afterAll(async () => await rm(home, { recursive: true, force: true }));

test('counts CPU, memory, processes, disk and traffic of each box by itself', async () => {
  const driver = await bench.startDriver();
  const [busy, idle] = await Promise.all([bench.createBox(driver), bench.createBox(driver)]);
  const read = async () => {
    const usages = await driver.usage?.([busy.id, idle.id]);
    const [one, other] = [usages?.get(busy.id), usages?.get(idle.id)];
    if (!one || !other) throw new Error('the driver told nothing of a running box');
    return { one, other };
  };
  const before = await read();
  expect(before.one.memoryBytes).toBeGreaterThan(MIB);
  expect(before.one.memoryPeakBytes).toBeGreaterThanOrEqual(before.one.memoryBytes);
  expect(before.one.pids).toBeGreaterThanOrEqual(1);
  await bench.run(
    busy,
    // Ends by the CPU time it had, not by the clock: other work on the machine takes its share.
    'sh -c "ulimit -t 1; while :; do :; done"; head -c 20000000 /dev/urandom >/workspace/data; sync /workspace/data',
  );
  await expect
    .poll(async () => (await read()).one.storageBytes, { timeout: 40_000 })
    .toBeGreaterThan(15 * MIB);
  const after = await read();
  expect(after.one.cpuUs - before.one.cpuUs).toBeGreaterThan(500_000);
  expect(after.other.cpuUs - before.other.cpuUs).toBeLessThan(500_000);
  expect(after.one.egressBytes).toBeGreaterThan(before.one.egressBytes);
  expect(after.one.ingressBytes).toBeGreaterThan(before.one.ingressBytes);
  expect(after.other.storageBytes).toBeLessThan(15 * MIB);
  await driver.destroy(busy.id);
  expect([...((await driver.usage?.([busy.id, idle.id])) ?? new Map()).keys()]).toEqual([idle.id]);
}, 90_000);

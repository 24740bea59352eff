import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import type { BoxLimits } from '../driver.ts';
import { lxcfsFolder } from './lxcfs.ts';
import { OciSubject } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';

const MIB = 1024 * 1024;
const TIMEOUT_MS = 120_000;
const folder = await lxcfsFolder();

/** Box limits that tell it from the host and from other boxes. */
const LIMITS: Partial<BoxLimits>[] = [
  { memoryBytes: 300 * MIB, cpus: 1 },
  { memoryBytes: 700 * MIB, cpus: 2 },
];
/** Total memory and swap, bytes; seconds since the start; CPUs. */
const SEEN =
  "free -b | awk '/^(Mem|Swap):/ { print $2 }'; cut -d. -f1 /proc/uptime; nproc; grep -c ^processor /proc/cpuinfo";

// lxcfs is the operator's to install (docs/security.md): most machines that run the tests have none.
describe.runIf(process.env['BANATA_TEST_ALL'] === '1')('lxcfs', () => {
  test('containers see their own memory, swap, CPUs and uptime', { timeout: TIMEOUT_MS }, async (context) => {
    context.skip(folder === undefined, 'lxcfs does not run on this machine (no mount of type fuse.lxcfs)');
    const home = await mkdtemp(path.join(tmpdir(), 'banata-oci-'));
    await chmod(home, 0o711);
    const subject = new OciSubject({ home, imageLayers: testImageLayers(process.env) });
    const driver = subject.createDriver();
    try {
      await driver.start();
      for (const own of LIMITS) {
        const limits = { ...subject.limits, ...own };
        const request = { id: randomBytes(16).toString('hex'), limits };
        const box = await driver.create(request, AbortSignal.timeout(30_000));
        const { output } = await subject.run(box, SEEN);
        const [memory, swap, uptime, ...cpus] = output.split('\n').map(Number);
        process.stdout.write(`  a box of ${limits.memoryBytes / MIB} MiB: ${output.replaceAll('\n', ' ')}\n`);
        expect(memory).toBe(limits.memoryBytes);
        expect(swap).toBeLessThanOrEqual(limits.memoryBytes);
        expect(uptime).toBeLessThan(60);
        expect(cpus).toEqual([limits.cpus, limits.cpus]);
      }
    } finally {
      await driver.purge();
      await rm(home, { recursive: true, force: true });
    }
  });
});

import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Box, SandboxDriver } from '../driver.ts';
import type { BoxIsolation } from '../driver.ts';
import { createOciDriver } from './oci-driver.ts';
import { OciSubject } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';
import { testIsolations } from './testing/test-isolations.ts';
import type { OciDriverOptions } from './settings.ts';

const imageLayers = testImageLayers(process.env);
const TIMEOUT_MS = 60_000;

let home: string;
let subject: OciSubject;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-oci-'));
  await chmod(home, 0o711);
  subject = new OciSubject({ home, imageLayers });
});

afterEach(async () => {
  await subject.createDriver().purge();
  expect(await subject.hostTraces('first')).toEqual([]);
  await rm(home, { recursive: true, force: true });
}, TIMEOUT_MS);

function openDriver(options: Partial<OciDriverOptions>): SandboxDriver {
  return createOciDriver({ ...subject.driverOptions(), ...options });
}

async function makeBox(driver: SandboxDriver, isolation?: BoxIsolation): Promise<Box> {
  const request = { id: randomBytes(16).toString('hex'), limits: subject.limits };
  return await driver.create(isolation ? { ...request, isolation } : request, AbortSignal.timeout(30_000));
}

// gVisor is there where all tests are asked for: `./banata test --all`.
test.runIf(testIsolations(process.env).includes('gvisor'))(
  'gives each box the isolation it asks for, and takes both kinds over after a restart',
  async () => {
    const driver = openDriver({ isolations: ['gvisor'] });
    await driver.start();
    const kinds = 'dmesg 2>/dev/null | grep -c gVisor';
    const container = await makeBox(driver);
    const gvisor = await makeBox(driver, 'gvisor');
    expect(container.isolation).toBe('container');
    expect(gvisor.isolation).toBe('gvisor');
    expect((await subject.run(container, kinds)).output).toBe('0');
    expect((await subject.run(gvisor, kinds)).output).toBe('1');
    await driver.close();
    // A server that offers gVisor no more still has the boxes it made with it.
    const next = openDriver({});
    await next.start();
    expect(await next.get(gvisor.id)).toEqual({ ...gvisor, timings: {} });
    expect((await subject.run(gvisor, 'echo well')).output).toBe('well');
    await next.destroy(gvisor.id);
    expect(await next.list()).toEqual([{ id: container.id, state: 'running' }]);
    await next.close();
  },
  TIMEOUT_MS,
);

test(
  'refuses an isolation that is not offered, and one that the host lacks',
  async () => {
    const driver = openDriver({});
    await driver.start();
    const refused = { code: 'HOST_UNSUITABLE', message: expect.stringMatching(/gvisor/) as string };
    await expect(makeBox(driver, 'gvisor')).rejects.toMatchObject(refused);
    await driver.close();
    const lacking = openDriver({ isolations: ['gvisor'], runscPath: '/nowhere/runsc' });
    await lacking.start();
    const missing = {
      code: 'HOST_UNSUITABLE',
      message: expect.stringMatching(/no program.*runsc/) as string,
    };
    await expect(makeBox(lacking, 'gvisor')).rejects.toMatchObject(missing);
    expect((await makeBox(lacking)).isolation).toBe('container');
    await lacking.close();
    await expect(
      openDriver({ isolation: 'gvisor', runscPath: '/nowhere/runsc' }).start(),
    ).rejects.toMatchObject(missing);
  },
  TIMEOUT_MS,
);

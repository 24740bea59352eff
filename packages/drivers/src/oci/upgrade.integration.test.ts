import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { newId } from '../conformance/workbench.ts';
import type { Box, SandboxDriver } from '../driver.ts';
import { createOciDriver } from './oci-driver.ts';
import { OciSubject } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';
import { testIsolations } from './testing/test-isolations.ts';

const TIMEOUT_MS = 60_000;
const WARM_UP_MS = 3_000;

let home: string;
let subject: OciSubject;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-oci-'));
  await chmod(home, 0o711);
});

afterEach(async () => {
  await subject.createDriver().purge();
  expect(await subject.hostTraces('first')).toEqual([]);
  await rm(home, { recursive: true, force: true });
}, TIMEOUT_MS);

/** A folder with the probe daemon of a version. */
async function daemon(version: string): Promise<string> {
  const folder = path.join(home, version);
  await cp(subject.driverOptions().boxdDir, folder, { recursive: true });
  await writeFile(path.join(folder, 'version'), version);
  return folder;
}

async function makeBox(driver: SandboxDriver): Promise<Box> {
  const limits = subject.warmLimits;
  return await driver.create({ id: newId(), limits }, AbortSignal.timeout(30_000));
}

test.each(testIsolations(process.env))(
  'a server with a newer daemon takes boxes of the older one over, and makes new ones with its own (%s)',
  async (isolation) => {
    subject = new OciSubject({ home, imageLayers: testImageLayers(process.env), isolation });
    const options = subject.driverOptions({ warm: 1 });
    const older = createOciDriver({ ...options, boxdDir: await daemon('older') });
    await older.start();
    const before = await makeBox(older);
    // Leaves a warm box with the older daemon behind.
    await delay(WARM_UP_MS);
    await older.close();
    const newer = createOciDriver({ ...options, boxdDir: await daemon('newer') });
    await newer.start();
    expect(await newer.get(before.id)).toEqual({ ...before, timings: {} });
    const version = 'cat /opt/banata/version';
    expect((await subject.run(before, version)).output).toBe('older');
    const after = await makeBox(newer);
    expect((await subject.run(after, version)).output).toBe('newer');
    await newer.destroy(before.id);
    expect(await newer.list()).toEqual([{ id: after.id, state: 'running' }]);
    await newer.close();
  },
  TIMEOUT_MS,
);

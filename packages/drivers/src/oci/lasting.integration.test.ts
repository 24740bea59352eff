import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Box, BoxRequest, SandboxDriver } from '../driver.ts';
import { namesIn } from './files.ts';
import { createOciDriver } from './oci-driver.ts';
import type { OciDriverOptions } from './settings.ts';
import { OciSubject } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';
import { testIsolations } from './testing/test-isolations.ts';

const imageLayers = testImageLayers(process.env);
const TIMEOUT_MS = 90_000;
/** A tree with what an archive must not lose. */
const MAKE_TREE = [
  'mkdir -p /workspace/tree/deep && cd /workspace/tree',
  'head -c 100000 /dev/urandom >data && ln data hard && ln -s /etc/passwd soft',
  'truncate -s 8M sparse && echo end >>sparse',
  // gVisor has named pipes in its memory, not on the disk.
  'dmesg 2>/dev/null | grep -q gVisor || mkfifo pipe',
  'echo x >owned && chown 1234:4321 owned && chmod 4750 owned && touch -d @1000000000.5 owned',
  'setfattr -n user.note -v kept data 2>/dev/null || true',
  'rm -rf /etc/apt && rm /etc/debian_version && echo new >/etc/added && mkdir /opt/own',
  'mkdir /etc/apt && echo mine >/etc/apt/only',
].join('; ');
/** Prints contents, types, modes, owners and times; of these gVisor writes out the microseconds later or not at all. */
const TREE_SUM = [
  'cd /; { find workspace/tree etc/apt etc/added opt/own -printf "%p %y %m %U %G %s %T@ %l\\n" | sed "s/^\\(.* d\\) .*/\\1/; s/\\([.][0-9][0-9]\\)[0-9]*/\\1/"',
  'find workspace/tree etc/apt etc/added -type f -exec sha256sum {} +',
  'ls /etc/debian_version 2>&1; } | sort',
].join('; ');

let home: string;
let subject: OciSubject;
let driver: SandboxDriver;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-oci-'));
  await chmod(home, 0o711);
});

afterEach(async () => {
  await driver.close();
  await subject.createDriver().purge();
  expect(await subject.hostTraces('first')).toEqual([]);
  await rm(home, { recursive: true, force: true });
}, TIMEOUT_MS);

function newId(): string {
  return randomBytes(16).toString('hex');
}

async function open(options: Partial<OciDriverOptions> = {}): Promise<void> {
  driver = createOciDriver({ ...subject.driverOptions(), ...options });
  await driver.start();
}

async function makeBox(request: Partial<BoxRequest> = {}): Promise<Box> {
  return await driver.create(
    { id: newId(), limits: subject.limits, ...request },
    AbortSignal.timeout(60_000),
  );
}

async function output(box: Box, command: string): Promise<string> {
  return (await subject.run(box, command)).output;
}

function part<T>(found: T | undefined): T {
  if (!found) throw new Error('the driver lacks this part');
  return found;
}

describe.each(testIsolations(process.env))('%s', { timeout: TIMEOUT_MS }, (isolation) => {
  beforeEach(async () => {
    subject = new OciSubject({ home, imageLayers, isolation });
    await open();
  });

  test('a box begins with what a checkpoint holds, as does one whose checkpoint went through an archive', async () => {
    const checkpoints = part(driver.checkpoints);
    const box = await makeBox();
    await output(box, MAKE_TREE);
    const sum = await output(box, TREE_SUM);
    const name = newId();
    const { bytes } = await checkpoints.create(box.id, name);
    expect(bytes).toBeGreaterThan(100_000);
    await output(box, 'rm -rf /workspace/tree /etc/added; echo other >/workspace/later');
    expect(await output(box, TREE_SUM)).not.toBe(sum);

    const restored = await makeBox({ from: name });
    expect(restored.restored).toBe('all');
    expect(await output(restored, TREE_SUM)).toBe(sum);
    expect(await output(restored, 'cat /workspace/later')).toMatch(/No such file/);
    await output(restored, 'echo mine >/workspace/tree/data');

    const copy = newId();
    await checkpoints.import(
      copy,
      checkpoints.export(name, AbortSignal.timeout(30_000)),
      AbortSignal.timeout(30_000),
    );
    expect(await checkpoints.list()).toEqual(expect.arrayContaining([name, copy]));
    await checkpoints.delete(name);
    await checkpoints.delete(name);
    const imported = await makeBox({ from: copy });
    expect(await output(imported, TREE_SUM)).toBe(sum);
    expect(await output(restored, 'cat /workspace/tree/data')).toBe('mine');
    await expect(makeBox({ from: name })).rejects.toMatchObject({ message: /no checkpoint/ });
  });

  test('a frozen box stands still and goes on; a stored one comes back at another address', async () => {
    const pauses = part(driver.pauses);
    const box = await makeBox();
    await output(box, 'echo disk >/workspace/file; echo disk >/etc/own');
    await output(
      box,
      '(i=0; while :; do i=$((i+1)); echo $i >/dev/shm/count; sleep 0.01; done) >/dev/null 2>&1 &',
    );
    await pauses.freeze(box.id);
    expect(await driver.list()).toEqual([{ id: box.id, state: 'paused' }]);
    const before = (await driver.usage?.([box.id]))?.get(box.id)?.cpuUs ?? NaN;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = (await driver.usage?.([box.id]))?.get(box.id)?.cpuUs ?? NaN;
    expect(after - before).toBeLessThan(20_000);
    await pauses.thaw(box.id);
    const first = Number(await output(box, 'cat /dev/shm/count'));
    expect(first).toBeGreaterThan(0);

    await pauses.freeze(box.id);
    await pauses.store(box.id);
    await pauses.store(box.id);
    expect(await driver.list()).toEqual([{ id: box.id, state: 'stored' }]);
    expect(await driver.get(box.id)).toBeUndefined();
    // The next server finds it at rest, and gives its place to others.
    await driver.close();
    await open();
    expect(await driver.list()).toEqual([{ id: box.id, state: 'stored' }]);
    const other = await makeBox();
    const woken = await part(driver.pauses).resume(box.id, AbortSignal.timeout(30_000));
    expect(woken.address).not.toBe(other.address);
    expect(woken.programsKept).toBe(isolation === 'gvisor');
    expect(await output(woken, 'cat /workspace/file /etc/own')).toBe('disk\ndisk');
    if (woken.programsKept) {
      const next = Number(await output(woken, 'cat /dev/shm/count'));
      expect(next).toBeGreaterThanOrEqual(first);
      await expect.poll(async () => Number(await output(woken, 'cat /dev/shm/count'))).toBeGreaterThan(next);
    }
    expect(await output(other, 'echo well')).toBe('well');
    await part(driver.pauses).freeze(box.id);
    await part(driver.pauses).store(box.id);
    await driver.destroy(box.id);
    expect(await output(other, 'echo well')).toBe('well');
    expect(await namesIn(path.join(home, 'first/data/pool/memories'))).toEqual([]);
    expect(await namesIn(path.join(home, 'first/data/boxes'))).toHaveLength(1);
  });

  test('where the image of a checkpoint is gone, /workspace alone comes back', async () => {
    const box = await makeBox();
    await output(box, 'echo kept >/workspace/file; echo lost >/etc/own');
    const disks = path.join(home, 'first/data/pool/boxes');
    const gone = JSON.stringify({
      layers: [path.join(path.dirname(imageLayers[0] ?? ''), '../gone/rootfs')],
    });
    for (const disk of await namesIn(disks)) await writeFile(path.join(disks, disk, 'image.json'), gone);
    const name = newId();
    await part(driver.checkpoints).create(box.id, name);
    const restored = await makeBox({ from: name });
    expect(restored.restored).toBe('workspace');
    expect(await output(restored, 'cat /workspace/file; ls /etc/own')).toMatch(/^kept\n.*No such file/);
  });
});

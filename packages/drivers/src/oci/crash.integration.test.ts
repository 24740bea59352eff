import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { OciSubject } from './testing/oci-subject.ts';
import type { OciSubjectOptions } from './testing/oci-subject.ts';
import { testImageLayers } from './testing/test-image.ts';
import { testIsolations } from './testing/test-isolations.ts';

const PROGRAM = fileURLToPath(new URL('testing/crashing-server.ts', import.meta.url));

const imageLayers = testImageLayers(process.env);

let home: string;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'banata-oci-'));
  await chmod(home, 0o711);
});

afterEach(async () => await rm(home, { recursive: true, force: true }));

/** Runs the program until it has its first box and then a little longer, and kills it. */
async function crashAfter(ms: number, keptId: string, options: OciSubjectOptions): Promise<void> {
  const server = spawn(process.execPath, [PROGRAM, JSON.stringify(options), keptId], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  const [first] = (await Promise.race([once(server.stdout, 'data'), ended])) as [unknown];
  expect(String(first)).toBe('started\n');
  await delay(ms);
  server.kill('SIGKILL');
  await ended;
}

const CASES = testIsolations(process.env).flatMap((isolation) =>
  [5, 25, 50, 75, 110, 160, 230].map((ms) => [isolation, ms] as const),
);

test.each(CASES)(
  '%s: after a kill -9 at %i ms the next server has the whole boxes, and frees the rest',
  async (isolation, ms) => {
    const keptId = randomBytes(16).toString('hex');
    // The same instance id in both processes, though it is made of the process id.
    const options = { home, imageLayers, isolation, instanceNumber: process.pid };
    await crashAfter(ms, keptId, options);
    const subject = new OciSubject(options);
    const driver = subject.createDriver();
    try {
      await driver.start();
      const listed = await driver.list();
      expect(listed).toContainEqual({ id: keptId, state: 'running' });
      expect(listed.every(({ state }) => state === 'running')).toBe(true);
      for (const { id } of listed) {
        const box = await driver.get(id);
        expect(box && (await subject.run(box, 'echo well')).output).toBe('well');
        await driver.destroy(id);
      }
      const fresh = await driver.create(
        { id: randomBytes(16).toString('hex'), limits: subject.limits },
        AbortSignal.timeout(30_000),
      );
      expect((await subject.run(fresh, 'echo well')).output).toBe('well');
    } finally {
      await driver.purge();
    }
    expect(await subject.hostTraces('first')).toEqual([]);
  },
  60_000,
);

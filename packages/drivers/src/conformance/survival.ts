import { expect, test } from 'vitest';

import { OUTSIDE } from './outside-network.ts';
import type { Workbench } from './workbench.ts';

/** Boxes outlive the server; installations leave each other, and in the end the host, alone. */
export function describeSurvival(bench: Workbench): void {
  test('takes boxes over from the server before it', async () => {
    const before = await bench.startDriver();
    const box = await bench.createBox(before);
    await bench.run(box, 'echo kept >/workspace/file; echo kept >/root/file');
    await before.close();
    const after = await bench.startDriver();
    expect(await after.get(box.id)).toEqual({ ...box, timings: {} });
    expect(await bench.output(box, 'cat /workspace/file /root/file')).toBe('kept\nkept');
    await after.destroy(box.id);
    expect(await after.list()).toEqual([]);
  });

  test('lists a box that was killed as dead, and destroys it', async () => {
    const driver = await bench.startDriver();
    const [box, dead] = [await bench.createBox(driver), await bench.createBox(driver)];
    await bench.subject.killBehindDriver(dead.id);
    await expect.poll(() => driver.get(dead.id), { timeout: 5_000 }).toBeUndefined();
    expect(await driver.list()).toEqual([
      { id: box.id, state: 'running' },
      { id: dead.id, state: 'dead' },
    ]);
    await driver.close();
    const next = await bench.startDriver();
    expect(await next.list()).toContainEqual({ id: dead.id, state: 'dead' });
    await next.destroy(dead.id);
    expect(await next.list()).toEqual([{ id: box.id, state: 'running' }]);
    expect(await bench.output(box, 'echo well')).toBe('well');
  });

  test('leaves the boxes of another installation alone', async () => {
    const [first, second] = [await bench.startDriver(), await bench.startDriver({ installation: 'second' })];
    const [mine, other] = [await bench.createBox(first), await bench.createBox(second)];
    expect(mine.endpoint.host).not.toBe(other.endpoint.host);
    expect(await bench.reaches(mine, other.endpoint.host, other.endpoint.port)).toBe(false);
    expect(await bench.subject.hostUid(mine.id)).not.toBe(await bench.subject.hostUid(other.id));
    await first.purge();
    expect(await bench.subject.hostTraces('first')).toEqual([]);
    expect(await second.list()).toEqual([{ id: other.id, state: 'running' }]);
    expect(await bench.output(other, 'echo well')).toBe('well');
    expect(await bench.reaches(other, OUTSIDE.public, OUTSIDE.port)).toBe(true);
  });

  test('leaves traces on the host while it works, and none after purge', async () => {
    const driver = await bench.startDriver({ warm: 1 });
    await bench.createBox(driver);
    expect((await bench.subject.hostTraces('first')).length).toBeGreaterThan(5);
    expect((await bench.subject.boxTraces('first')).length).toBeGreaterThan(0);
    await driver.purge();
    expect(await bench.subject.hostTraces('first')).toEqual([]);
  });
}

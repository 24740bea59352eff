import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { DriverError } from '../driver.ts';
import type { Box } from '../driver.ts';
import { newId } from './workbench.ts';
import type { Workbench } from './workbench.ts';

/** Boxes come, are found, and go. */
export function describeLifecycle(bench: Workbench): void {
  test('makes a box, finds it, lists it and destroys it', async () => {
    const driver = await bench.startDriver();
    const box = await bench.createBox(driver);
    expect(await bench.run(box, 'echo hello; id -u')).toEqual({ exitCode: 0, output: 'hello\n0' });
    expect(Object.keys(box.timings).length).toBeGreaterThan(0);
    expect(await driver.get(box.id)).toEqual({ ...box, timings: {} });
    expect(await driver.list()).toEqual([{ id: box.id, state: 'running' }]);
    await driver.destroy(box.id);
    expect(await driver.get(box.id)).toBeUndefined();
    expect(await driver.list()).toEqual([]);
    expect(await bench.subject.boxTraces('first')).toEqual([]);
  });

  test('destroys idempotently, also an id it never saw and twice at once', async () => {
    const driver = await bench.startDriver();
    const box = await bench.createBox(driver);
    await Promise.all([driver.destroy(box.id), driver.destroy(box.id)]);
    await driver.destroy(box.id);
    await driver.destroy(newId());
    expect(await driver.list()).toEqual([]);
  });

  test('refuses an id that is taken, also by a box being made', async () => {
    const driver = await bench.startDriver();
    const id = newId();
    const taken = { name: 'DriverError', code: 'BOX_ID_TAKEN' };
    const first = bench.createBox(driver, id);
    await expect(bench.createBox(driver, id)).rejects.toMatchObject(taken);
    await first;
    await expect(bench.createBox(driver, id)).rejects.toMatchObject(taken);
    expect(await driver.list()).toHaveLength(1);
  });

  test('makes many boxes at once', async () => {
    const driver = await bench.startDriver();
    const boxes = await Promise.all(Array.from({ length: 6 }, async () => await bench.createBox(driver)));
    expect(new Set(boxes.map((box) => box.endpoint.host)).size).toBe(6);
    expect(new Set(boxes.map((box) => box.endpoint.token)).size).toBe(6);
    const outputs = await Promise.all(boxes.map((box, index) => bench.output(box, `echo ${index}`)));
    expect(outputs).toEqual(['0', '1', '2', '3', '4', '5']);
    await Promise.all(boxes.map((box) => driver.destroy(box.id)));
    expect(await bench.subject.boxTraces('first')).toEqual([]);
  });
}

/** What does not come about leaves nothing. */
export function describeAborts(bench: Workbench): void {
  test.each([0, 3, 15, 30, 45, 60])(
    'leaves nothing of a box whose creation is aborted after %i ms',
    async (after) => {
      const driver = await bench.startDriver();
      const abort = new AbortController();
      const made = driver.create({ id: newId(), limits: bench.subject.limits }, abort.signal);
      made.catch(() => undefined);
      await delay(after);
      abort.abort(new Error('the caller lost interest'));
      const outcome = await made.catch((error: unknown) => error);
      if (outcome instanceof DriverError) expect(outcome.code).toBe('ABORTED');
      else await driver.destroy((outcome as Box).id);
      expect(await driver.list()).toEqual([]);
      expect(await bench.subject.boxTraces('first')).toEqual([]);
    },
  );

  test('destroys a box that is still being made', async () => {
    const driver = await bench.startDriver();
    const id = newId();
    const refused = expect(bench.createBox(driver, id)).rejects.toMatchObject({ code: 'ABORTED' });
    await delay(10);
    await driver.destroy(id);
    await refused;
    expect(await driver.list()).toEqual([]);
    expect(await bench.subject.boxTraces('first')).toEqual([]);
  });

  test('ends a box whose daemon never answers, with a reason', async () => {
    const driver = await bench.startDriver({ daemon: 'broken' });
    await expect(bench.createBox(driver)).rejects.toMatchObject({
      name: 'DriverError',
      code: 'BOX_START_FAILED',
      message: expect.stringMatching(/ended before its daemon answered.*the daemon is broken/) as string,
    });
    expect(await driver.list()).toEqual([]);
    expect(await bench.subject.boxTraces('first')).toEqual([]);
  });
}

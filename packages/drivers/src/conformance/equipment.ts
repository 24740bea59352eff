import { setTimeout as delay } from 'node:timers/promises';

import { expect, test } from 'vitest';

import { newId } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const MIB = 2 ** 20;
/** Enough for a driver to start its warm boxes in the background. */
const WARM_UP_MS = 1_500;

/** What a box has, and how much of it. */
export function describeEquipment(bench: Workbench): void {
  test('gives a box a place to work', async () => {
    const driver = await bench.startDriver();
    const box = await bench.createBox(driver);
    expect(await bench.output(box, 'hostname; stat -c %u /workspace')).toBe('banata\n1000');
    expect(await bench.output(box, 'echo x >/usr/new && echo y >>/etc/hosts && cat /usr/new')).toBe('x');
    const program = 'cp -a /bin/true /tmp/t && chown 1000:50 /tmp/t && /tmp/t && stat -c %u:%g /tmp/t';
    expect(await bench.output(box, program)).toBe('1000:50');
    expect(await bench.output(box, 'df -h --output=size /dev/shm | tail -1')).toBe('512M');
    expect(await bench.output(box, 'grep -o "[a-z0-9]*:" /proc/net/dev | sort')).toBe('eth0:\nlo:');
    expect(await bench.output(box, 'cat /proc/1/comm; cat /etc/hostname')).toBe('tini\nbanata');
  });

  test('lets an ordinary user of the box open low ports', async () => {
    const driver = await bench.startDriver();
    const box = await bench.createBox(driver);
    const script = `require("net").createServer().listen(80, () => process.exit(7))`;
    const user = 'setpriv --reuid 1000 --regid 1000 --clear-groups';
    expect((await bench.run(box, `${user} node -e '${script}'`)).exitCode).toBe(7);
  });
}

/** Boxes that were started before they were asked for. */
export function describeWarmBoxes(bench: Workbench): void {
  test('hands out warm boxes once each, with the limits asked for, also after a restart', async () => {
    const driver = await bench.startDriver({ warm: 2 });
    await delay(WARM_UP_MS);
    expect(await driver.list()).toEqual([]);
    const limits = { ...bench.subject.warmLimits, diskBytes: 96 * MIB };
    const ids = [newId(), newId()];
    const boxes = await Promise.all(ids.map(async (id) => await bench.createBox(driver, id, limits)));
    expect(boxes[0]?.endpoint).not.toEqual(boxes[1]?.endpoint);
    for (const box of boxes) {
      expect(Object.keys(box.timings)).toContain('warm');
      const fill = 'head -c 200M /dev/urandom >/workspace/big; sync -f /workspace; rm -f /workspace/big';
      expect(await bench.output(box, fill)).toMatch(/quota|space/i);
    }
    await delay(WARM_UP_MS);
    await driver.close();
    const next = await bench.startDriver({ warm: 2 });
    expect((await next.list()).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    const box = await bench.createBox(next, newId(), limits);
    expect(Object.keys(box.timings)).toContain('warm');
    expect(boxes.map((other) => other.endpoint.host)).not.toContain(box.endpoint.host);
  });
}

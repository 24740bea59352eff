import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { DriverError } from '../driver.ts';
import type { Box, SandboxDriver } from '../driver.ts';
import { createOutsideNetwork, OUTSIDE } from './outside-network.ts';
import type { OutsideNetwork } from './outside-network.ts';
import type { ConformanceSubject, SubjectOptions } from './subject.ts';

const TEST_TIMEOUT_MS = 60_000;

function newId(): string {
  return randomBytes(16).toString('hex');
}

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

/**
 * What every driver must do, as tests. Call it in a test file with the driver's subject.
 * @param getSubject called in the tests only, when the file's own set-up is done.
 */
export function describeDriver(name: string, getSubject: () => ConformanceSubject): void {
  describe(`${name} driver`, { timeout: TEST_TIMEOUT_MS }, () => {
    const open: SandboxDriver[] = [];
    let outside: OutsideNetwork;

    async function startDriver(options?: SubjectOptions): Promise<SandboxDriver> {
      const driver = getSubject().createDriver(options);
      open.push(driver);
      await driver.start();
      return driver;
    }

    async function createBox(driver: SandboxDriver, id = newId()): Promise<Box> {
      return await driver.create({ id, limits: getSubject().limits }, AbortSignal.timeout(30_000));
    }

    async function reaches(box: Box, host: string, port: number): Promise<boolean> {
      const probe = `timeout 2 bash -c '</dev/tcp/${host}/${port}'`;
      return (await getSubject().run(box, probe)).exitCode === 0;
    }

    beforeAll(async () => {
      outside = await createOutsideNetwork();
    }, TEST_TIMEOUT_MS);

    afterAll(async () => await outside.remove());

    afterEach(async () => {
      for (const driver of open.splice(0)) await driver.close();
      for (const installation of ['first', 'second'] as const) {
        const cleaner = getSubject().createDriver({ installation });
        await cleaner.purge();
        expect(await getSubject().hostTraces(installation)).toEqual([]);
      }
    }, TEST_TIMEOUT_MS);

    test('makes a box, finds it, lists it and destroys it', async () => {
      const driver = await startDriver();
      const box = await createBox(driver);
      expect(await getSubject().run(box, 'echo hello; id -u')).toEqual({ exitCode: 0, output: 'hello\n0' });
      expect(Object.keys(box.timings).length).toBeGreaterThan(0);
      expect(await driver.get(box.id)).toEqual({ ...box, timings: {} });
      expect(await driver.list()).toEqual([{ id: box.id, state: 'running' }]);
      await driver.destroy(box.id);
      expect(await driver.get(box.id)).toBeUndefined();
      expect(await driver.list()).toEqual([]);
      expect(await getSubject().boxTraces('first')).toEqual([]);
    });

    test('destroys idempotently, also an id it never saw and twice at once', async () => {
      const driver = await startDriver();
      const box = await createBox(driver);
      await Promise.all([driver.destroy(box.id), driver.destroy(box.id)]);
      await driver.destroy(box.id);
      await driver.destroy(newId());
      expect(await driver.list()).toEqual([]);
    });

    test('refuses an id that is taken, also by a box being made', async () => {
      const driver = await startDriver();
      const id = newId();
      const first = createBox(driver, id);
      await expect(createBox(driver, id)).rejects.toMatchObject({
        name: 'DriverError',
        code: 'BOX_ID_TAKEN',
      });
      await first;
      await expect(createBox(driver, id)).rejects.toMatchObject({
        name: 'DriverError',
        code: 'BOX_ID_TAKEN',
      });
      expect(await driver.list()).toHaveLength(1);
    });

    test('makes many boxes at once', async () => {
      const driver = await startDriver();
      const boxes = await Promise.all(Array.from({ length: 6 }, async () => await createBox(driver)));
      expect(new Set(boxes.map((box) => box.endpoint.host)).size).toBe(6);
      expect(new Set(boxes.map((box) => box.endpoint.token)).size).toBe(6);
      const outputs = await Promise.all(boxes.map((box, index) => getSubject().run(box, `echo ${index}`)));
      expect(outputs.map(({ output }) => output)).toEqual(['0', '1', '2', '3', '4', '5']);
      await Promise.all(boxes.map((box) => driver.destroy(box.id)));
      expect(await getSubject().boxTraces('first')).toEqual([]);
    });

    test.each([0, 3, 15, 30, 45, 60])(
      'leaves nothing of a box whose creation is aborted after %i ms',
      async (after) => {
        const driver = await startDriver();
        const abort = new AbortController();
        const made = driver.create({ id: newId(), limits: getSubject().limits }, abort.signal);
        made.catch(() => undefined);
        await delay(after);
        abort.abort(new Error('the caller lost interest'));
        const outcome = await made.catch((error: unknown) => error);
        if (outcome instanceof DriverError) expect(outcome.code).toBe('ABORTED');
        else await driver.destroy((outcome as Box).id);
        expect(await driver.list()).toEqual([]);
        expect(await getSubject().boxTraces('first')).toEqual([]);
      },
    );

    test('destroys a box that is still being made', async () => {
      const driver = await startDriver();
      const id = newId();
      const made = createBox(driver, id);
      const refused = expect(made).rejects.toMatchObject({ code: 'ABORTED' });
      await delay(10);
      await driver.destroy(id);
      await refused;
      expect(await driver.list()).toEqual([]);
      expect(await getSubject().boxTraces('first')).toEqual([]);
    });

    test('lets a box reach the service and the internet, and nothing else', async () => {
      const driver = await startDriver();
      const service = await driver.start();
      const [box, neighbour] = [await createBox(driver), await createBox(driver)];
      const servers = [
        await listen(service.port, service.host),
        await listen(service.dnsPort, service.host),
        await listen(8098, '0.0.0.0'),
      ];
      try {
        expect(await reaches(box, service.host, service.port)).toBe(true);
        expect(await reaches(box, service.host, 53)).toBe(true);
        expect(await reaches(box, OUTSIDE.public, OUTSIDE.port)).toBe(true);
        expect(await reaches(box, '127.0.0.1', box.endpoint.port)).toBe(true);
        expect(await reaches(box, service.host, 8098)).toBe(false);
        expect(await reaches(box, getSubject().hostAddress, 8098)).toBe(false);
        expect(await reaches(box, neighbour.endpoint.host, neighbour.endpoint.port)).toBe(false);
        expect(await reaches(box, OUTSIDE.metadata, OUTSIDE.port)).toBe(false);
        expect(await reaches(box, OUTSIDE.private, OUTSIDE.port)).toBe(false);
        const alias = await getSubject().run(box, 'getent hosts host.banata.internal');
        expect(alias.output.split(/\s+/)).toEqual([service.host, 'host.banata.internal']);
      } finally {
        for (const server of servers) server.close();
      }
    });

    test('opens a private range on request, but never the metadata service', async () => {
      const driver = await startDriver({ allowPrivateCidrs: ['10.99.99.0/24', '169.254.0.0/16'] });
      const box = await createBox(driver);
      expect(await reaches(box, OUTSIDE.private, OUTSIDE.port)).toBe(true);
      expect(await reaches(box, OUTSIDE.metadata, OUTSIDE.port)).toBe(false);
    });

    test('maps root of the box to an id of its own', async () => {
      const driver = await startDriver();
      const boxes = [await createBox(driver), await createBox(driver)];
      const uids = await Promise.all(boxes.map((box) => getSubject().hostUid(box.id)));
      expect(uids.every((uid) => uid >= 65_536)).toBe(true);
      expect(uids[0]).not.toBe(uids[1]);
    });

    test('denies root of the box what belongs to the host', async () => {
      const driver = await startDriver();
      const box = await createBox(driver);
      const denied = [
        'mount -t tmpfs none /mnt',
        'unshare --user true',
        'echo 1 >/proc/sys/net/ipv4/ip_forward',
        'echo 1 >"$(find /sys/fs/cgroup -name pids.max | head -1)"',
        'ip link set eth0 down',
        'ip addr add 10.0.0.1/8 dev eth0',
        'mknod /tmp/disk b 7 0 && cat /tmp/disk',
        'echo changed >/opt/banata/probe.cjs',
        'dmesg',
      ];
      for (const command of denied) {
        expect.soft((await getSubject().run(box, command)).exitCode, command).not.toBe(0);
      }
      const user = 'setpriv --reuid 1000 --regid 1000 --clear-groups cat /run/banata/boxd.json';
      expect((await getSubject().run(box, user)).exitCode).not.toBe(0);
      const status = await getSubject().run(box, 'grep -E "NoNewPrivs|Seccomp:|CapEff" /proc/self/status');
      expect(status.output).toMatch(/NoNewPrivs:\s1\nSeccomp:\s2/);
    });

    test('gives a box a place to work', async () => {
      const driver = await startDriver();
      const box = await createBox(driver);
      const run = async (command: string): Promise<string> => (await getSubject().run(box, command)).output;
      expect(await run('hostname; stat -c %u /workspace; stat -fc %T /workspace')).toBe(
        'banata\n1000\nbtrfs',
      );
      expect(await run('echo x >/usr/new && echo y >>/etc/hosts && cat /usr/new')).toBe('x');
      expect(
        await run(
          'apt-get --version >/dev/null && cp -a /bin/true /tmp/t && chown 1000:50 /tmp/t && /tmp/t && echo ok',
        ),
      ).toBe('ok');
      expect(await run('findmnt -no SIZE /dev/shm || df -h --output=size /dev/shm | tail -1')).toMatch(
        /512M/,
      );
      expect(await run('ls /sys/class/net')).toMatch(/^eth0\nlo$/);
      expect(await run('cat /proc/1/comm')).toBe('tini');
    });

    test('holds a box to its limits', async () => {
      const driver = await startDriver();
      const limits = { cpus: 1, memoryBytes: 192 * 2 ** 20, pids: 64, diskBytes: 96 * 2 ** 20 };
      const box = await driver.create({ id: newId(), limits }, AbortSignal.timeout(30_000));
      const write = await getSubject().run(
        box,
        'head -c 200M /dev/urandom >/workspace/big; sync -f /workspace; stat -c %s /workspace/big',
      );
      expect(write.output).toMatch(/quota|space/i);
      const memory = await getSubject().run(box, 'head -c 400M /dev/zero | tail -c 400M >/dev/null');
      expect(memory.exitCode).toBe(137);
      const processes = await getSubject().run(box, 'for i in $(seq 200); do sleep 5 & done 2>&1; true');
      expect(processes.output).toMatch(/Resource temporarily unavailable/);
      await delay(100);
      expect(await driver.list()).toEqual([{ id: box.id, state: 'running' }]);
    });

    test('takes boxes over from the server before it', async () => {
      const before = await startDriver();
      const box = await createBox(before);
      await getSubject().run(box, 'echo kept >/workspace/file; echo kept >/root/file');
      await before.close();
      const after = await startDriver();
      const found = await after.get(box.id);
      expect(found).toEqual({ ...box, timings: {} });
      expect((await getSubject().run(box, 'cat /workspace/file /root/file')).output).toBe('kept\nkept');
      await after.destroy(box.id);
      expect(await after.list()).toEqual([]);
    });

    test('lists a box that was killed as dead, and destroys it', async () => {
      const driver = await startDriver();
      const [box, dead] = [await createBox(driver), await createBox(driver)];
      await getSubject().killBehindDriver(dead.id);
      await expect.poll(() => driver.get(dead.id), { timeout: 5_000 }).toBeUndefined();
      expect(await driver.list()).toEqual([
        { id: box.id, state: 'running' },
        { id: dead.id, state: 'dead' },
      ]);
      await driver.close();
      const next = await startDriver();
      expect(await next.list()).toContainEqual({ id: dead.id, state: 'dead' });
      await next.destroy(dead.id);
      expect(await next.list()).toEqual([{ id: box.id, state: 'running' }]);
      expect((await getSubject().run(box, 'echo well')).output).toBe('well');
    });

    test('shows a new box nothing of the one before it', async () => {
      const driver = await startDriver();
      const first = await createBox(driver);
      await getSubject().run(first, 'echo secret | tee /workspace/s /root/s /tmp/s; rm -rf /usr/bin/env');
      await driver.destroy(first.id);
      const second = await createBox(driver);
      const { output } = await getSubject().run(second, 'ls /workspace /root/s /tmp/s; ls /usr/bin/env');
      expect(output).not.toMatch(/^s$|\/s$/m);
      expect(output).toContain('/usr/bin/env');
    });

    test('hands out warm boxes once each, with the limits asked for, also after a restart', async () => {
      const driver = await startDriver({ warm: 2 });
      await delay(1_500);
      expect(await driver.list()).toEqual([]);
      const limits = { ...getSubject().limits, pids: 77 };
      const ids = [newId(), newId()];
      const boxes = await Promise.all(
        ids.map((id) => driver.create({ id, limits }, AbortSignal.timeout(30_000))),
      );
      expect(boxes[0]?.endpoint).not.toEqual(boxes[1]?.endpoint);
      for (const box of boxes) {
        expect(Object.keys(box.timings)).toContain('warm');
        const max = await getSubject().run(
          box,
          'cat /sys/fs/cgroup/pids/pids.max 2>&1 || cat /sys/fs/cgroup/pids.max',
        );
        expect(max.output).toMatch(/77/);
      }
      await delay(1_500);
      await driver.close();
      const next = await startDriver({ warm: 2 });
      expect((await next.list()).map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      const box = await createBox(next);
      expect(Object.keys(box.timings)).toContain('warm');
      expect(boxes.map((other) => other.endpoint.host)).not.toContain(box.endpoint.host);
    });

    test('leaves the boxes of another installation alone', async () => {
      const [first, second] = [await startDriver(), await startDriver({ installation: 'second' })];
      const [mine, other] = [await createBox(first), await createBox(second)];
      expect(mine.endpoint.host).not.toBe(other.endpoint.host);
      expect(await reaches(mine, other.endpoint.host, other.endpoint.port)).toBe(false);
      expect(await getSubject().hostUid(mine.id)).not.toBe(await getSubject().hostUid(other.id));
      await first.purge();
      expect(await getSubject().hostTraces('first')).toEqual([]);
      expect(await second.list()).toEqual([{ id: other.id, state: 'running' }]);
      expect((await getSubject().run(other, 'echo well')).output).toBe('well');
      expect(await reaches(other, OUTSIDE.public, OUTSIDE.port)).toBe(true);
    });

    test('leaves traces on the host while it works, and none after purge', async () => {
      const driver = await startDriver({ warm: 1 });
      await createBox(driver);
      expect((await getSubject().hostTraces('first')).length).toBeGreaterThan(5);
      expect((await getSubject().boxTraces('first')).length).toBeGreaterThan(0);
      await driver.purge();
      expect(await getSubject().hostTraces('first')).toEqual([]);
    });
  });
}

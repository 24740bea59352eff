import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { cpus } from 'node:os';

import { expect, test } from 'vitest';

import type { Box } from '../driver.ts';
import { newId } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const MIB = 2 ** 20;

/** Limits hold, and only for the box that reaches them. */
export function describeLimits(bench: Workbench): void {
  test('holds a box to its disk and its processes', async () => {
    const driver = await bench.startDriver();
    const limits = { ...bench.subject.limits, pids: 64, diskBytes: 96 * MIB };
    const box = await bench.createBox(driver, newId(), limits);
    const disk = 'head -c 200M /dev/urandom >/workspace/big; sync -f /workspace; ls -l /workspace';
    expect(await bench.output(box, disk)).toMatch(/quota|space/i);
    const processes = await bench.output(box, 'for i in $(seq 200); do sleep 3 & done 2>&1; true');
    expect(processes).toMatch(/Resource temporarily unavailable/);
    expect(await driver.list()).toEqual([{ id: box.id, state: 'running' }]);
  });

  test('ends what wants more memory than its box has, and nothing else', async () => {
    const driver = await bench.startDriver();
    const limits = { ...bench.subject.limits, memoryBytes: 192 * MIB };
    const [neighbour, box] = [await bench.createBox(driver), await bench.createBox(driver, newId(), limits)];
    const greedy = bench.run(box, 'head -c 900M /dev/zero | tail -c 900M >/dev/null');
    if (bench.subject.isolation === 'container') {
      expect((await greedy).exitCode).toBe(137);
      expect(await bench.output(box, 'echo well')).toBe('well');
    } else {
      // All programs of the box are one of the host's, and nobody is left to answer.
      greedy.catch(() => undefined);
      const reason = expect.stringMatching(/memory/) as string;
      await expect
        .poll(() => driver.list(), { timeout: 15_000 })
        .toContainEqual({ id: box.id, state: 'dead', reason });
    }
    expect(await bench.output(neighbour, 'echo well')).toBe('well');
  });

  test('tells programs what their box has', async () => {
    const driver = await bench.startDriver();
    const limits = { ...bench.subject.limits, cpus: 1, memoryBytes: 300 * MIB, openFiles: 321 };
    const box = await bench.createBox(driver, newId(), limits);
    expect(await bench.output(box, 'nproc; ulimit -Hn; ulimit -Sn')).toBe('1\n321\n321');
    const flood = `python3 -c 'a = [open("/dev/null") for _ in range(400)]'`;
    expect(await bench.output(box, flood)).toMatch(/Too many open files/);
  });

  testPlaces(bench);

  test('lets nobody take the disk of others with a flood of small files', async () => {
    const driver = await bench.startDriver();
    const limits = { ...bench.subject.limits, diskBytes: 16 * MIB };
    const [neighbour, box] = [await bench.createBox(driver), await bench.createBox(driver, newId(), limits)];
    expect(await bench.output(box, FLOOD)).toMatch(/^(EDQUOT|ENOSPC) after \d+ files$/);
    const write =
      'head -c 100M /dev/urandom >/workspace/big && sync -f /workspace && stat -c %s /workspace/big';
    expect(await bench.output(neighbour, write)).toBe(String(100 * MIB));
  });

  describeNetworkRate(bench);
}

function describeNetworkRate(bench: Workbench): void {
  test('holds a box to its network rate in both directions', async () => {
    const driver = await bench.startDriver();
    const { host, port, dnsPort } = await driver.start();
    const limits = { ...bench.subject.limits, networkBitsPerSecond: RATE };
    const [fast, slow] = [await bench.createBox(driver), await bench.createBox(driver, newId(), limits)];
    const servers = [await source(port, host), await sink(dnsPort, host)];
    try {
      for (const direction of [
        `cat </dev/tcp/${host}/${port} >/dev/null`,
        `exec 3<>/dev/tcp/${host}/53; head -c ${TRANSFER_BYTES} /dev/zero >&3; cat <&3 >/dev/null`,
      ]) {
        const timed = `TIMEFORMAT=%R; time bash -c '${direction}' 2>/dev/null`;
        expect.soft(Number(await bench.output(fast, timed)), direction).toBeLessThan(AT_RATE_S / 2);
        const seconds = Number(await bench.output(slow, timed));
        expect.soft(seconds, direction).toBeGreaterThan(AT_RATE_S * 0.8);
        expect.soft(seconds, direction).toBeLessThan(AT_RATE_S * 2);
      }
    } finally {
      for (const server of servers) server.close();
    }
  });
}

function testPlaces(bench: Workbench): void {
  test('gives boxes CPUs of their own while there are any', async (context) => {
    // gVisor numbers CPUs for itself; the boxes are placed the same way.
    context.skip(bench.subject.isolation !== 'container' || cpus().length < 2, 'cannot be seen here');
    const driver = await bench.startDriver();
    const limits = { ...bench.subject.limits, cpus: 1 };
    const cpuOf = async (box: Box): Promise<string> =>
      await bench.output(box, 'grep Cpus_allowed_list /proc/self/status');
    const [first, second] = [
      await bench.createBox(driver, newId(), limits),
      await bench.createBox(driver, newId(), limits),
    ];
    expect(await cpuOf(second)).not.toBe(await cpuOf(first));
    await driver.destroy(first.id);
    await driver.close();
    const again = await bench.startDriver();
    const third = await bench.createBox(again, newId(), limits);
    expect(await cpuOf(third)).not.toBe(await cpuOf(second));
  });
}

/** Makes files until it is told to stop. */
const FLOOD = `python3 - <<'E'
import errno
made = 0
try:
    while made < 500000:
        open(f"/workspace/{made}", "w").close()
        made += 1
except OSError as error:
    print(errno.errorcode[error.errno], "after", made, "files")
E`;

const RATE = 40_000_000;
const TRANSFER_BYTES = 10_000_000;
const AT_RATE_S = (TRANSFER_BYTES * 8) / RATE;

async function serve(port: number, host: string, answer: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    answer(socket);
  });
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}

async function source(port: number, host: string): Promise<Server> {
  return await serve(port, host, (socket) => socket.end(Buffer.alloc(TRANSFER_BYTES)));
}

/** Hangs up once it has all of it. */
async function sink(port: number, host: string): Promise<Server> {
  return await serve(port, host, (socket) => {
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (received >= TRANSFER_BYTES) socket.end();
    });
  });
}

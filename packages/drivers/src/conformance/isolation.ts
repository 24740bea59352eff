import { expect, test } from 'vitest';

import { OUTSIDE } from './outside-network.ts';
import { listen } from './workbench.ts';
import type { Workbench } from './workbench.ts';

/** Port of a server on the host that boxes have no business with. */
const HOST_PORT = 8098;

/** Boxes reach what they may, and nothing else. */
export function describeNetwork(bench: Workbench): void {
  test('lets a box reach the service and the internet, and nothing else', async () => {
    const driver = await bench.startDriver();
    const service = await driver.start();
    const [box, neighbour] = [await bench.createBox(driver), await bench.createBox(driver)];
    const servers = [
      await listen(service.port, service.host),
      await listen(service.dnsPort, service.host),
      await listen(HOST_PORT, '0.0.0.0'),
    ];
    try {
      expect(await bench.reaches(box, service.host, service.port)).toBe(true);
      expect(await bench.reaches(box, service.host, 53)).toBe(true);
      expect(await bench.reaches(box, OUTSIDE.public, OUTSIDE.port)).toBe(true);
      expect(await bench.reaches(box, '127.0.0.1', box.endpoint.port)).toBe(true);
      expect(await bench.reaches(box, service.host, HOST_PORT)).toBe(false);
      expect(await bench.reaches(box, bench.subject.hostAddress, HOST_PORT)).toBe(false);
      expect(await bench.reaches(box, neighbour.endpoint.host, neighbour.endpoint.port)).toBe(false);
      expect(await bench.reaches(box, OUTSIDE.metadata, OUTSIDE.port)).toBe(false);
      expect(await bench.reaches(box, OUTSIDE.private, OUTSIDE.port)).toBe(false);
      const alias = await bench.output(box, 'getent hosts host.banata.internal');
      expect(alias.split(/\s+/)).toEqual([service.host, 'host.banata.internal']);
    } finally {
      for (const server of servers) server.close();
    }
  });

  test('opens a private range on request, but never the metadata service', async () => {
    const driver = await bench.startDriver({ allowPrivateCidrs: ['10.99.99.0/24', '169.254.0.0/16'] });
    const [box, neighbour] = [await bench.createBox(driver), await bench.createBox(driver)];
    expect(await bench.reaches(box, OUTSIDE.private, OUTSIDE.port)).toBe(true);
    expect(await bench.reaches(box, OUTSIDE.metadata, OUTSIDE.port)).toBe(false);
    expect(await bench.reaches(box, neighbour.endpoint.host, neighbour.endpoint.port)).toBe(false);
  });
}

/** What the root user of a box must not manage to do where it is the host's kernel that he asks. */
const FORBIDDEN_IN_HOST_KERNEL = [
  'unshare --user true',
  'dmesg',
  'echo x >/proc/sys/kernel/core_pattern',
  'echo h >/proc/sysrq-trigger',
  'find /sys/fs/cgroup -name release_agent | grep .',
  "ls /dev | grep -vxE 'core|fd|full|mqueue|null|ptmx|pts|random|shm|std(in|out|err)|tty|urandom|zero'",
  'echo 1 >/proc/sys/net/ipv4/ip_forward',
  'echo 1 >"$(find /sys/fs/cgroup -name pids.max | head -1)"',
];

/** What the root user of a box must not manage to do. */
const FORBIDDEN = [
  'mount -t tmpfs none /mnt',
  'nsenter --target 1 --net true',
  'ip link set eth0 down',
  'ip addr add 10.0.0.1/8 dev eth0',
  'mknod /tmp/disk b 7 0 && cat /tmp/disk',
  'echo changed >/opt/banata/probe.cjs',
  'echo changed >/run/banata/boxd.json',
  'setpriv --reuid 1000 --regid 1000 --clear-groups cat /run/banata/boxd.json',
];

/** Boxes are kept apart from the host and from each other. */
export function describeIsolation(bench: Workbench): void {
  test('maps root of the box to an id of its own', async () => {
    const driver = await bench.startDriver();
    const boxes = [await bench.createBox(driver), await bench.createBox(driver)];
    const uids = await Promise.all(boxes.map((box) => bench.subject.hostUid(box.id)));
    expect(uids.every((uid) => uid >= 65_536)).toBe(true);
    expect(uids[0]).not.toBe(uids[1]);
  });

  test('denies root of the box what belongs to the host', async () => {
    const driver = await bench.startDriver();
    const box = await bench.createBox(driver);
    const ofHost = bench.subject.isolation === 'container';
    for (const command of [...FORBIDDEN, ...(ofHost ? FORBIDDEN_IN_HOST_KERNEL : [])]) {
      expect.soft((await bench.run(box, command)).exitCode, command).not.toBe(0);
    }
    expect(await bench.output(box, 'ls /proc/1/fd')).toBe('0\n1\n2');
    if (!ofHost) return;
    const status = await bench.output(box, 'grep -E "NoNewPrivs|Seccomp:" /proc/self/status');
    expect(status).toMatch(/NoNewPrivs:\s1\nSeccomp:\s2/);
  });

  test('shows a new box nothing of the one before it', async () => {
    const driver = await bench.startDriver();
    const first = await bench.createBox(driver);
    await bench.run(first, 'echo secret | tee /workspace/s /root/s /tmp/s; rm -rf /usr/bin/env');
    await driver.destroy(first.id);
    const second = await bench.createBox(driver);
    expect(await bench.output(second, 'ls /workspace /usr/bin/env; ls /root/s /tmp/s 2>/dev/null')).toBe(
      '/usr/bin/env\n\n/workspace:',
    );
  });
}

import { expect, test } from 'vitest';

import type { Box, BoxNetwork, SandboxDriver } from '../driver.ts';
import { OUTSIDE } from './outside-network.ts';
import { listen, newId } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const CREATE_TIMEOUT_MS = 30_000;
const CLOSED: BoxNetwork = { egress: 'none' };
const OPEN_BLOCK = {
  egress: 'rules',
  proxied: false,
  open: [OUTSIDE.public],
  closed: [],
  hostPorts: false,
} satisfies BoxNetwork;

/** A box's own rules, on top of what no box may reach. */
export function describeEgress(bench: Workbench): void {
  const create = async (driver: SandboxDriver, network: BoxNetwork): Promise<Box> =>
    await driver.create(
      { id: newId(), limits: bench.subject.limits, network },
      AbortSignal.timeout(CREATE_TIMEOUT_MS),
    );
  const reachesOutside = async (box: Box): Promise<boolean> =>
    await bench.reaches(box, OUTSIDE.public, OUTSIDE.port);

  test('holds a box to its rules from the start, changes them, and keeps them over a restart', async () => {
    const driver = await bench.startDriver({ warm: 1 });
    const { host, port } = await driver.start();
    const server = await listen(port, host);
    const box = await create(driver, CLOSED);
    try {
      expect(await reachesOutside(box)).toBe(false);
      expect(await bench.reaches(box, host, port)).toBe(true);
      await driver.setNetwork(box.id, OPEN_BLOCK);
      expect(await reachesOutside(box)).toBe(true);
      await driver.setNetwork(box.id, { ...OPEN_BLOCK, closed: [`${OUTSIDE.public}/24`] });
      expect(await reachesOutside(box)).toBe(false);
      await driver.close();
      expect(await reachesOutside(box)).toBe(false);
      const next = await bench.startDriver();
      expect(await reachesOutside(box)).toBe(false);
      await next.setNetwork(box.id, { egress: 'all' });
      expect(await reachesOutside(box)).toBe(true);
      expect(await bench.reaches(box, OUTSIDE.private, OUTSIDE.port)).toBe(false);
    } finally {
      server.close();
    }
  });

  test('leads TCP of a proxied box to the proxy, and nowhere while there is none', async () => {
    const driver = await bench.startDriver();
    const { host, proxyPort } = await driver.start();
    const [box, other] = [
      await create(driver, { ...OPEN_BLOCK, proxied: true }),
      await create(driver, { egress: 'all' }),
    ];
    expect(await reachesOutside(box)).toBe(false);
    const proxy = await listen(proxyPort, host);
    try {
      expect(await reachesOutside(box)).toBe(true);
      expect(await bench.reaches(box, OUTSIDE.metadata, OUTSIDE.port)).toBe(true);
      expect(await bench.reaches(box, host, proxyPort)).toBe(false);
      expect(await bench.reaches(other, host, proxyPort)).toBe(false);
    } finally {
      proxy.close();
    }
  });

  test('gives a box no rules of the one before it', async () => {
    const driver = await bench.startDriver();
    const first = await create(driver, CLOSED);
    await driver.destroy(first.id);
    const boxes = [await create(driver, { egress: 'all' }), await create(driver, { egress: 'all' })];
    for (const box of boxes) expect(await reachesOutside(box)).toBe(true);
  });

  test('counts what passed and what was refused', async () => {
    const driver = await bench.startDriver();
    const box = await create(driver, { egress: 'all' });
    await reachesOutside(box);
    await bench.reaches(box, OUTSIDE.private, OUTSIDE.port);
    const flows = await driver.flows();
    const common = { box: box.address, port: OUTSIDE.port, protocol: 'tcp' };
    const [passed] = flows.filter(({ allowed }) => allowed);
    expect(passed).toMatchObject({ ...common, address: OUTSIDE.public });
    expect(passed?.bytesSent).toBeGreaterThan(40);
    expect(passed?.bytesReceived).toBeGreaterThan(40);
    expect(flows.filter(({ allowed }) => !allowed)).toMatchObject([{ ...common, address: OUTSIDE.private }]);
  });

  test('refuses rules that are none, and a box that is not there', async () => {
    const driver = await bench.startDriver();
    const box = await create(driver, CLOSED);
    const wrong: BoxNetwork = { ...OPEN_BLOCK, open: ['0.0.0.0/0 } accept; add rule x {'] };
    await expect(driver.setNetwork(box.id, wrong)).rejects.toThrow('is not valid');
    await expect(driver.setNetwork(newId(), CLOSED)).rejects.toThrow('no box');
    expect(await reachesOutside(box)).toBe(false);
  });
}

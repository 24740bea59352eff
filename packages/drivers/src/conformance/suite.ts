import { afterAll, afterEach, beforeAll, describe } from 'vitest';

import { describeEgress } from './egress.ts';
import { describeHardening } from './hardening.ts';
import { describeIsolation, describeNetwork } from './isolation.ts';
import { describeAborts, describeLifecycle } from './lifecycle.ts';
import { describeLimits } from './limits.ts';
import { createOutsideNetwork } from './outside-network.ts';
import type { OutsideNetwork } from './outside-network.ts';
import { describeEquipment, describeWarmBoxes } from './equipment.ts';
import type { ConformanceSubject } from './subject.ts';
import { describeSurvival } from './survival.ts';
import { Workbench } from './workbench.ts';

const TEST_TIMEOUT_MS = 60_000;

/**
 * What every driver must do, as tests. Call it in a test file with the driver's subject.
 * @param getSubject called in the tests only, when the file's own set-up is done.
 */
export function describeDriver(name: string, getSubject: () => ConformanceSubject): void {
  describe(`${name} driver`, { timeout: TEST_TIMEOUT_MS }, () => {
    const bench = new Workbench(getSubject);
    let outside: OutsideNetwork;

    beforeAll(async () => {
      outside = await createOutsideNetwork();
    }, TEST_TIMEOUT_MS);

    afterAll(async () => await outside.remove());

    afterEach(async () => await bench.clear(), TEST_TIMEOUT_MS);

    describeLifecycle(bench);
    describeAborts(bench);
    describeNetwork(bench);
    describeEgress(bench);
    describeIsolation(bench);
    describeHardening(bench);
    describeEquipment(bench);
    describeLimits(bench);
    describeWarmBoxes(bench);
    describeSurvival(bench);
  });
}

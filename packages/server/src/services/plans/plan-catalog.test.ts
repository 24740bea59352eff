import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtInPlans, unlimitedPlan } from './built-in-plans.ts';
import { PlanCatalog } from './plan-catalog.ts';

const catalog = new PlanCatalog(builtInPlans, 'unlimited');

test('the documented plans, and the unlimited one by default', () => {
  expect(catalog.plans.map(({ id }) => id)).toEqual(['free', 'builder', 'pro', 'scale', 'unlimited']);
  expect(catalog.standard).toBe(unlimitedPlan);
});

test.each([
  ['stealth', 'builder'],
  ['recording', 'pro'],
  ['static-residential-egress', 'scale'],
] as const)('%s begins with %s', (feature, plan) => {
  expect(catalog.withFeature(feature)).toMatchObject({ plan: { id: plan }, orHigher: true });
});

test('above a plan are only greater ones', () => {
  const pro = catalog.find('pro') ?? unlimitedPlan;
  expect(catalog.above(pro, () => true)?.id).toBe('scale');
  expect(catalog.above(pro, ({ limits }) => limits.concurrentSandboxes === null)?.id).toBe('unlimited');
  expect(catalog.above(unlimitedPlan, () => true)).toBeUndefined();
});

test('wrong plans are named', () => {
  expect(() => new PlanCatalog(builtInPlans, 'gold')).toThrow('BANATA_DEFAULT_PLAN="gold"');
  expect(() => new PlanCatalog([...builtInPlans, ...builtInPlans], 'free')).toThrow('two plans "free"');
});

describe('the operator’s file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banata-plans-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function load(text: string) {
    const file = join(folder, 'plans.json');
    await writeFile(file, text);
    return PlanCatalog.load({ file, defaultPlan: 'unlimited' });
  }

  test('takes the place of the documented plans', async () => {
    const team = { ...unlimitedPlan, id: 'team', name: 'Team', features: ['recording'] };
    const loaded = await load(JSON.stringify([team]));
    expect(loaded.plans.map(({ id }) => id)).toEqual(['team', 'unlimited']);
  });

  test.each([
    ['{', 'cannot be read as JSON'],
    ['[]', 'Give a list of plans'],
    [JSON.stringify([{ ...unlimitedPlan, features: ['flying'] }]), 'features'],
    [
      JSON.stringify([{ ...unlimitedPlan, limits: { ...unlimitedPlan.limits, concurrentSandboxes: 0 } }]),
      'concurrentSandboxes',
    ],
  ])('%s is refused', async (text, reason) => {
    await expect(load(text)).rejects.toThrow(reason);
  });
});

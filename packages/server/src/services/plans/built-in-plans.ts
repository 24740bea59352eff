import type { Plan, PlanFeature } from '@banata/protocol';

const minute = 60_000;
const free: PlanFeature[] = ['captcha'];
const builder: PlanFeature[] = [...free, 'stealth'];
const pro: PlanFeature[] = [
  ...builder,
  'recording',
  'heavy-weight',
  'dedicated-isolation',
  'dedicated-dc-egress',
  'paired-browser',
  // The documents leave open from which plan on; the introduction only says "higher tiers".
  'byo-proxy',
];
const scale: PlanFeature[] = [...pro, 'rotating-residential-egress', 'static-residential-egress'];

/** Numbers of a plan, in the order sandboxes, then browsers: at once, longest life in minutes, hours a month. */
type Numbers = [number, number, number, number, number, number];

function plan(id: string, features: PlanFeature[], numbers: Numbers): Plan {
  const [sandboxes, sandboxMinutes, sandboxHours, browsers, browserMinutes, browserHours] = numbers;
  return {
    id,
    name: `${id.charAt(0).toUpperCase()}${id.slice(1)}`,
    limits: {
      concurrentSandboxes: sandboxes,
      maxSandboxDurationMs: sandboxMinutes * minute,
      sandboxHoursPerMonth: sandboxHours,
      concurrentBrowsers: browsers,
      maxBrowserDurationMs: browserMinutes * minute,
      browserHoursPerMonth: browserHours,
    },
    features,
  };
}

/** The documented plans, least one first. */
export const builtInPlans: readonly Plan[] = [
  plan('free', free, [1, 5, 5, 1, 5, 5]),
  plan('builder', builder, [3, 30, 50, 5, 15, 100]),
  plan('pro', pro, [10, 60, 500, 25, 30, 1_000]),
  plan('scale', scale, [50, 120, 5_000, 100, 60, 5_000]),
];

/** The plan of a self-hosted installation that sells none. */
export const unlimitedPlan: Plan = {
  id: 'unlimited',
  name: 'Unlimited',
  limits: {
    concurrentSandboxes: null,
    maxSandboxDurationMs: null,
    sandboxHoursPerMonth: null,
    concurrentBrowsers: null,
    maxBrowserDurationMs: null,
    browserHoursPerMonth: null,
  },
  features: scale,
};

import { planSchema, type Plan, type PlanFeature } from '@banata/protocol';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { builtInPlans, unlimitedPlan } from './built-in-plans.ts';

const fileSchema = z.array(planSchema).min(1);

/** The plans of an installation, least one first; `unlimited` is always among them. */
export class PlanCatalog {
  readonly plans: readonly Plan[];
  /** Plan of organizations that were given none. */
  readonly standard: Plan;

  /** @throws Error when two plans have one id, or `standardId` names none. */
  constructor(plans: readonly Plan[], standardId: string) {
    const ids = plans.map(({ id }) => id);
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice !== undefined) throw new Error(`There are two plans "${twice}". Give each its own id.`);
    this.plans = ids.includes(unlimitedPlan.id) ? plans : [...plans, unlimitedPlan];
    const standard = this.find(standardId);
    if (!standard) {
      throw new Error(
        `BANATA_DEFAULT_PLAN="${standardId}": there is no such plan. Plans: ${this.plans.map(({ id }) => id).join(', ')}.`,
      );
    }
    this.standard = standard;
  }

  /** Reads the operator's plans, or takes the documented ones where there is no file. */
  static async load(options: { file: string | undefined; defaultPlan: string }): Promise<PlanCatalog> {
    const plans = options.file === undefined ? builtInPlans : await readPlans(options.file);
    return new PlanCatalog(plans, options.defaultPlan);
  }

  find(id: string): Plan | undefined {
    return this.plans.find((plan) => plan.id === id);
  }

  /** The least plan above `current` that satisfies the condition. */
  above(current: Plan, fits: (plan: Plan) => boolean): Plan | undefined {
    const from = this.plans.findIndex(({ id }) => id === current.id);
    return this.plans.slice(from + 1).find(fits);
  }

  /** The least plan with a feature, and whether others above it have it too. */
  withFeature(feature: PlanFeature): { plan: Plan; orHigher: boolean } | undefined {
    const index = this.plans.findIndex((plan) => plan.features.includes(feature));
    const plan = this.plans[index];
    return plan && { plan, orHigher: index < this.plans.length - 1 };
  }
}

async function readPlans(file: string): Promise<Plan[]> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new Error(`BANATA_PLANS_FILE="${file}" cannot be read as JSON. See docs/plans.md.`, { cause });
  }
  const parsed = fileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new Error(
    `BANATA_PLANS_FILE="${file}": ${z.prettifyError(parsed.error)} Give a list of plans, least one first. See docs/plans.md.`,
  );
}

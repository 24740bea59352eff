import {
  ApiError,
  type Billing,
  type SandboxMetrics,
  type Usage,
  type usageQuerySchema,
} from '@banata/protocol';
import type { SandboxDriver } from '@banata/drivers';
import type { Config } from '@banata/config';
import { DEFAULT_OUTPUT_BYTES } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import type { PlanStore } from '../../stores/plan-store.ts';
import type { UsageStore } from '../../stores/usage-store.ts';
import type { Caller } from '../access.ts';
import { monthOf } from '../plans/period.ts';
import type { PlanService } from '../plans/plan-service.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';

const DAY_MS = 86_400_000;
const MAX_DAYS = 367;
const HOUR_MS = 3_600_000;
/** CPU use "now" is the average over this long. */
const CPU_WINDOW_MS = 100;

export interface UsageServiceDeps {
  usageStore: UsageStore;
  planStore: PlanStore;
  plans: PlanService;
  sandboxes: SandboxService;
  driver: SandboxDriver;
  config: Pick<Config, 'limits' | 'billing'>;
  now: () => number;
}

/** What an organization has used, and of what it may. */
export class UsageService {
  readonly #deps: UsageServiceDeps;

  constructor(deps: UsageServiceDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} INVALID_REQUEST, SANDBOX_NOT_FOUND. */
  async usage(caller: Caller, query: z.output<typeof usageQuerySchema>): Promise<Usage> {
    const { usageStore, sandboxes, now } = this.#deps;
    const at = now();
    const to = query.to ?? day(at);
    const from = query.from ?? day(monthOf(Date.parse(to)).start);
    requireRange(from, to);
    if (query.id !== undefined) await sandboxes.find(caller, query.id);
    const scope = { organizationId: caller.organizationId, sandboxId: query.id, from, to, now: at };
    const [total, days, page, artifactBytes] = await Promise.all([
      usageStore.total(scope),
      usageStore.byDay(scope),
      usageStore.bySandbox(scope, query),
      usageStore.artifactBytes(scope),
    ]);
    return { from, to, total, artifactBytes, days, sandboxes: page.rows, nextCursor: page.nextCursor };
  }

  async billing(caller: Caller): Promise<Billing> {
    const { plans, planStore, config, now } = this.#deps;
    const plan = await plans.of(caller.organizationId);
    const at = now();
    const period = monthOf(at);
    const use = await planStore.use(caller.organizationId, { start: period.start, now: at });
    return {
      plan,
      period,
      usage: {
        sandboxHours: { used: use.sandboxMs / HOUR_MS, limit: plan.limits.sandboxHoursPerMonth },
        concurrentSandboxes: { used: use.sandboxes, limit: plan.limits.concurrentSandboxes },
        browserHours: { used: use.browserMs / HOUR_MS, limit: plan.limits.browserHoursPerMonth },
        concurrentBrowsers: { used: use.browsers, limit: plan.limits.concurrentBrowsers },
      },
      checkoutAvailable: config.billing !== undefined,
    };
  }

  /** @throws {ApiError} SANDBOX_NOT_FOUND, SANDBOX_NOT_READY, NOT_SUPPORTED. */
  async metrics(caller: Caller, id: string): Promise<SandboxMetrics> {
    const { sandboxes, driver, config, now } = this.#deps;
    const row = await sandboxes.findWorking(caller, id);
    const first = await this.#read(row.box_id);
    const startedAt = performance.now();
    await sleep(CPU_WINDOW_MS);
    const second = first && (await this.#read(row.box_id));
    const elapsedUs = (performance.now() - startedAt) * 1000;
    if (!first || !second) {
      if (driver.usage) throw new ApiError('SANDBOX_NOT_READY', 'The sandbox has just stopped');
      throw new ApiError(
        'NOT_SUPPORTED',
        `The driver "${driver.name}" of this server does not measure sandboxes.`,
      );
    }
    const limits = row.limits ?? config.limits;
    return {
      id,
      sampledAt: now(),
      cpu: {
        usedSeconds: second.cpuUs / 1e6,
        cores: Math.round(((second.cpuUs - first.cpuUs) / elapsedUs) * 1000) / 1000,
        limitCores: limits.cpus,
      },
      memory: {
        bytes: second.memoryBytes,
        peakBytes: second.memoryPeakBytes,
        limitBytes: limits.memoryBytes,
      },
      disk: { bytes: second.storageBytes, limitBytes: limits.diskBytes },
      processes: { count: second.pids, limit: limits.pids },
      output: { limitBytes: limits.outputBytes ?? DEFAULT_OUTPUT_BYTES },
      network: { egressBytes: second.egressBytes, ingressBytes: second.ingressBytes },
    };
  }

  async #read(boxId: string | null) {
    if (boxId === null) return undefined;
    return (await this.#deps.driver.usage?.([boxId]))?.get(boxId);
  }
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function requireRange(from: string, to: string): void {
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days >= 1 && days <= MAX_DAYS) return;
  throw new ApiError(
    'INVALID_REQUEST',
    `Invalid range: ${from} to ${to}. "from" must not lie after "to", nor more than ${MAX_DAYS - 1} days before it`,
    { details: { field: 'from' } },
  );
}

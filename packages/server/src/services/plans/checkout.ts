import { ApiError, checkoutSchema } from '@banata/protocol';
import type { Config } from '@banata/config';
import { request } from 'undici';
import type { Logger } from '../../logger.ts';
import type { Caller } from '../access.ts';
import type { PlanService } from './plan-service.ts';

const TIMEOUT_MS = 10_000;
const MAX_REPLY_BYTES = 16 * 1024;

export interface CheckoutDeps {
  plans: PlanService;
  config: Pick<Config, 'billing'>;
  logger: Logger;
}

/** Asks the operator's billing system for a page on which a plan is bought. The operator set its address. */
export class Checkout {
  readonly #deps: CheckoutDeps;

  constructor(deps: CheckoutDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} BILLING_NOT_CONFIGURED, BILLING_UNAVAILABLE, INVALID_REQUEST naming the plans there are. */
  async begin(caller: Caller, planId: string): Promise<{ url: string }> {
    const { plans, config, logger } = this.#deps;
    const plan = plans.requirePlan(planId);
    if (!config.billing) throw new ApiError('BILLING_NOT_CONFIGURED');
    const current = await plans.of(caller.organizationId);
    try {
      return await post(config.billing, {
        organizationId: caller.organizationId,
        plan: plan.id,
        currentPlan: current.id,
      });
    } catch (error) {
      logger.error(
        { event: 'billing.checkout_failed', err: error },
        'the billing hook did not answer as it should',
      );
      throw new ApiError('BILLING_UNAVAILABLE');
    }
  }
}

async function post(
  { checkoutUrl, checkoutToken }: NonNullable<Config['billing']>,
  body: Record<string, string>,
): Promise<{ url: string }> {
  const reply = await request(checkoutUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(checkoutToken !== undefined && { authorization: `Bearer ${checkoutToken}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await readBounded(reply.body);
  if (reply.statusCode < 200 || reply.statusCode > 299) {
    throw new Error(`the billing hook answered ${reply.statusCode}: ${text.slice(0, 500)}`);
  }
  return checkoutSchema.parse(JSON.parse(text));
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_REPLY_BYTES)
      throw new Error(`the billing hook answered more than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

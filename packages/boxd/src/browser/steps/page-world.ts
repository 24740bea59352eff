import { z } from 'zod';
import type { CdpBroker, OwnEvent } from '../cdp-broker.ts';
import { runInWorld } from '../isolated-world.ts';
import { PAGE_SCRIPT, STEP_BINDING, STEP_WORLD } from './page-script.ts';

const bindingSchema = z.object({ name: z.literal(STEP_BINDING), payload: z.string().max(16 * 1024) });

/** Longest wait for the page to run a piece of script. */
const EVALUATE_MS = 5_000;

/** The isolated world of one page's main frame, with the daemon's script in it. */
export class PageWorld {
  readonly #broker: CdpBroker;
  readonly #sessionId: string;
  readonly #targetId: string;

  /** @param targetId of the page; it is the id of its main frame too. */
  constructor(broker: CdpBroker, sessionId: string, targetId: string) {
    this.#broker = broker;
    this.#sessionId = sessionId;
    this.#targetId = targetId;
  }

  /** From now on every document tells what happens in it through {@link stepPayload}. */
  async record(): Promise<void> {
    await this.call('Page.enable');
    await this.call('Runtime.enable');
    await this.call('Runtime.addBinding', { name: STEP_BINDING, executionContextName: STEP_WORLD });
    await this.call('Page.addScriptToEvaluateOnNewDocument', {
      source: PAGE_SCRIPT,
      worldName: STEP_WORLD,
      runImmediately: true,
    });
  }

  /**
   * Runs `banataSteps.<method>(...args)` in the page.
   * @param schema of what it answers: a page can make its own elements lie.
   */
  ask<T>(schema: z.ZodType<T>, method: string, ...args: unknown[]): Promise<T> {
    const list = args.map((arg) => JSON.stringify(arg)).join(',');
    return runInWorld((...message) => this.call(...message), schema, {
      frameId: this.#targetId,
      worldName: STEP_WORLD,
      expression: `${PAGE_SCRIPT};banataSteps.${method}(${list})`,
    });
  }

  call(method: string, params: Record<string, unknown> = {}): Promise<unknown> {
    return this.#broker.call(method, params, { sessionId: this.#sessionId, timeoutMs: EVALUATE_MS });
  }
}

/** What a page's script told; undefined for every other event. */
export function stepPayload(event: OwnEvent): string | undefined {
  if (event.method !== 'Runtime.bindingCalled') return undefined;
  const parsed = bindingSchema.safeParse(event.params);
  return parsed.success ? parsed.data.payload : undefined;
}

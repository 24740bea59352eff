import type { z } from 'zod';
import type { CdpBroker } from '../cdp-broker.ts';
import { runInWorld } from '../isolated-world.ts';
import { FORM_SCRIPT, FORM_WORLD } from './form-script.ts';

/** Longest wait for a page that is busy. */
const CALL_MS = 3_000;
/** Longest a look may keep a page from going on. */
const SCRIPT_MS = 250;

/** A page and the session to speak to it with. */
export interface FormPage {
  broker: CdpBroker;
  sessionId: string;
  targetId: string;
}

/** The forms of one page, seen from an isolated world. */
export class FormWorld {
  readonly #page: FormPage;

  constructor(page: FormPage) {
    this.#page = page;
  }

  /** Runs `banataForms.<method>(...args)` in the page. */
  ask<T>(schema: z.ZodType<T>, method: string, ...args: unknown[]): Promise<T> {
    const list = args.map((arg) => JSON.stringify(arg)).join(',');
    return runInWorld((...message) => this.call(...message), schema, {
      frameId: this.#page.targetId,
      worldName: FORM_WORLD,
      expression: `${FORM_SCRIPT};banataForms.${method}(${list})`,
      scriptMs: SCRIPT_MS,
    });
  }

  call(method: string, params: Record<string, unknown> = {}): Promise<unknown> {
    const { broker, sessionId } = this.#page;
    return broker.call(method, params, { sessionId, timeoutMs: CALL_MS });
  }
}

import { z } from 'zod';
import type { CdpBroker, OwnEvent } from './cdp-broker.ts';

const openingSchema = z.object({ type: z.string() });
const attachedSchema = z.object({ sessionId: z.string() });

const ATTACH_TIMEOUT_MS = 30_000;
/** A page that does not let its dialog be closed in this time is left to the call that comes next. */
const CLOSE_TIMEOUT_MS = 2_000;

/**
 * Dialogs of pages (`alert`, `confirm`, `prompt`, leaving a form). A page stands still while it shows one, and Chromium
 * tells of it, and lets it be closed, only to sessions that were there when it opened: so each page has one.
 */
export class Dialogs {
  readonly #broker: CdpBroker;
  /** By target id: the session that may close the dialog, and the dialog's kind. */
  readonly #open = new Map<string, { sessionId: string; type: string }>();
  readonly #targets = new Map<string, string>();

  constructor(broker: CdpBroker) {
    this.#broker = broker;
  }

  /** Begins with a page that has just opened. It fails only with the page or the browser. */
  watch(targetId: string): void {
    this.#watch(targetId).catch(() => undefined);
  }

  /** Must be told that a page is gone. */
  forget(targetId: string): void {
    this.#open.delete(targetId);
    for (const [sessionId, target] of this.#targets) if (target === targetId) this.#targets.delete(sessionId);
  }

  /** Must get every own event of a session. */
  handle({ sessionId, method, params }: OwnEvent): void {
    const targetId = sessionId === undefined ? undefined : this.#targets.get(sessionId);
    if (sessionId === undefined || targetId === undefined) return;
    if (method === 'Page.javascriptDialogClosed') this.#open.delete(targetId);
    const opening = method === 'Page.javascriptDialogOpening' ? openingSchema.safeParse(params) : undefined;
    if (opening?.success) this.#open.set(targetId, { sessionId, type: opening.data.type });
  }

  isOpen(targetId: string): boolean {
    return this.#open.has(targetId);
  }

  /** Closes the dialog of a page: "Cancel", and "Leave" where it asks whether to leave. */
  async close(targetId: string): Promise<void> {
    const dialog = this.#open.get(targetId);
    if (dialog === undefined) return;
    const { sessionId, type } = dialog;
    await this.#broker
      // It may be closed by somebody else at this moment.
      .call(
        'Page.handleJavaScriptDialog',
        { accept: type === 'beforeunload' },
        { sessionId, timeoutMs: CLOSE_TIMEOUT_MS },
      )
      .catch(() => undefined);
  }

  /** Closes those of all pages. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((targetId) => this.close(targetId)));
  }

  async #watch(targetId: string): Promise<void> {
    const options = { timeoutMs: ATTACH_TIMEOUT_MS };
    const attached = await this.#broker.call('Target.attachToTarget', { targetId, flatten: true }, options);
    const { sessionId } = attachedSchema.parse(attached);
    this.#targets.set(sessionId, targetId);
    await this.#broker.call('Page.enable', {}, { sessionId, ...options });
  }
}

import type { CdpEnvelope } from './cdp-envelope.ts';

/** Contexts that are remembered of one session; pages with more frames than this are none that people use. */
const MAX_CONTEXTS = 500;

/**
 * The JavaScript contexts that clients were told of, by session. A client whose script was refused may keep the refusal
 * for as long as the context lasts (Playwright does, for the helper that all its calls need); told of the context anew,
 * it begins anew.
 */
export class ScriptContexts {
  readonly #announced = new Map<string, Map<unknown, string>>();
  readonly #refused = new Set<string>();

  /** Notes an event as it was sent to a client. */
  note(method: string, sessionId: string, envelope: CdpEnvelope, text: string): void {
    if (method === 'Runtime.executionContextsCleared') this.#announced.delete(sessionId);
    else if (method === 'Runtime.executionContextDestroyed')
      this.#announced.get(sessionId)?.delete(field(envelope, 'executionContextId'));
    else if (method === 'Runtime.executionContextCreated') {
      const contexts = this.#announced.get(sessionId) ?? new Map<unknown, string>();
      this.#announced.set(sessionId, contexts);
      const context = field(envelope, 'context') as { id?: unknown } | undefined;
      if (contexts.size < MAX_CONTEXTS) contexts.set(context?.id, text);
    }
  }

  /** Notes that a script of this session was refused. */
  refused(sessionId: string): void {
    this.#refused.add(sessionId);
  }

  /** What to tell the sessions whose scripts were refused, once scripts are allowed again. */
  takeRefused(): { sessionId: string; text: string }[] {
    const told = [...this.#refused].flatMap((sessionId) =>
      [...(this.#announced.get(sessionId)?.values() ?? [])].map((text) => ({ sessionId, text })),
    );
    this.#refused.clear();
    return told;
  }

  forget(sessionId: string): void {
    this.#announced.delete(sessionId);
    this.#refused.delete(sessionId);
  }
}

function field(envelope: CdpEnvelope, name: string): unknown {
  const { params } = envelope.body();
  return typeof params === 'object' && params !== null
    ? (params as Record<string, unknown>)[name]
    : undefined;
}

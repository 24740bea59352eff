import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { CdpBroker, OwnEvent } from '../cdp-broker.ts';
import { HarFile } from './har-file.ts';
import { harEntry, overSchema, receivedSchema, sentSchema } from './har-entry.ts';
import type { OpenRequest } from './har-entry.ts';

/** Requests under way that are remembered; the oldest is given up for a newer one. */
const MAX_OPEN = 2_000;
/** Only what went over the network, not what a page has in itself. */
const NETWORK = /^(https?|wss?):/;

const attachedSchema = z.object({
  sessionId: z.string(),
  targetInfo: z.object({ targetId: z.string(), type: z.string() }),
});
const detachedSchema = z.object({ sessionId: z.string() });

export interface HarRecorderOptions {
  stateDir: string;
  /** Whether a person has control: what they do is theirs. */
  isHeld: () => boolean;
}

/**
 * Notes what the pages of one box ask the network for. It has a session of its own on every page and cross-site frame,
 * which new ones wait for, so that their first request is not missed.
 */
export class HarRecorder {
  readonly #file: HarFile;
  readonly #isHeld: () => boolean;
  /** Pages and frames of the browser there is now, by the session on each. */
  readonly #sessions = new Map<string, string>();
  readonly #open = new Map<string, OpenRequest>();
  #broker: CdpBroker | undefined;

  constructor({ stateDir, isHeld }: HarRecorderOptions) {
    this.#file = new HarFile(stateDir);
    this.#isHeld = isHeld;
  }

  /** Follows a browser from its first page on, in place of the one before. */
  follow(broker: CdpBroker): void {
    this.#broker = broker;
    this.#sessions.clear();
    this.#open.clear();
    this.#attachTo(undefined, 'page');
  }

  /** Must get every own event of the broker. */
  handle({ method, params, sessionId }: OwnEvent): void {
    if (method === 'Target.attachedToTarget') this.#take(params);
    else if (method === 'Target.detachedFromTarget') this.#forget(params);
    else if (sessionId !== undefined && this.#sessions.has(sessionId)) this.#note(method, params, sessionId);
  }

  /** The whole file, as it is by now. */
  read(): Promise<Readable> {
    return this.#file.read();
  }

  #take(params: unknown): void {
    const attached = attachedSchema.safeParse(params);
    if (!attached.success) return;
    const { sessionId, targetInfo } = attached.data;
    const { targetId, type } = targetInfo;
    // The first on a target is ours, since the target waited for it; others are of other parts of the daemon.
    const isOurs = (type === 'page' || type === 'iframe') && ![...this.#sessions.values()].includes(targetId);
    if (!isOurs) return;
    this.#sessions.set(sessionId, targetId);
    this.#call('Network.enable', {}, sessionId);
    this.#attachTo(sessionId, 'iframe');
    this.#call('Runtime.runIfWaitingForDebugger', {}, sessionId);
  }

  #attachTo(sessionId: string | undefined, type: 'page' | 'iframe'): void {
    const filter = [{ type, exclude: false }];
    const options = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true, filter };
    this.#call('Target.setAutoAttach', options, sessionId);
  }

  #forget(params: unknown): void {
    const gone = detachedSchema.safeParse(params);
    if (gone.success) this.#sessions.delete(gone.data.sessionId);
  }

  #note(method: string, params: unknown, sessionId: string): void {
    if (method === 'Network.requestWillBeSent') this.#sent(params, sessionId);
    else if (method === 'Network.responseReceived') this.#received(params, sessionId);
    else if (method === 'Network.loadingFinished' || method === 'Network.loadingFailed')
      this.#over(params, sessionId);
  }

  #sent(params: unknown, sessionId: string): void {
    const { data: sent } = sentSchema.safeParse(params);
    if (!sent) return;
    const key = keyOf(sessionId, sent.requestId);
    const before = this.#open.get(key);
    if (before && sent.redirectResponse) {
      before.response = sent.redirectResponse;
      this.#file.add(harEntry(before, { timestamp: sent.timestamp, bytes: 0 }));
    }
    this.#open.delete(key);
    if (!NETWORK.test(sent.request.url) || this.#isHeld()) return;
    if (this.#open.size >= MAX_OPEN) {
      const [oldest] = this.#open.keys();
      if (oldest !== undefined) this.#open.delete(oldest);
    }
    this.#open.set(key, { sent });
  }

  #received(params: unknown, sessionId: string): void {
    const { data: received } = receivedSchema.safeParse(params);
    const open = received && this.#open.get(keyOf(sessionId, received.requestId));
    if (open) open.response = received.response;
  }

  #over(params: unknown, sessionId: string): void {
    const { data: over } = overSchema.safeParse(params);
    const key = over && keyOf(sessionId, over.requestId);
    const open = key === undefined ? undefined : this.#open.get(key);
    if (!over || key === undefined || !open) return;
    this.#open.delete(key);
    const bytes = Math.max(0, over.encodedDataLength ?? 0);
    this.#file.add(harEntry(open, { timestamp: over.timestamp, bytes, error: over.errorText }));
  }

  /** What fails, fails with the page or the browser, which events tell. */
  #call(method: string, params: Record<string, unknown>, sessionId: string | undefined): void {
    this.#broker?.call(method, params, sessionId === undefined ? {} : { sessionId }).catch(() => {});
  }
}

function keyOf(sessionId: string, requestId: string): string {
  return `${sessionId} ${requestId}`;
}

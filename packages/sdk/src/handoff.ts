import { BanataError } from './error.ts';
import { followEvents } from './follow-events.ts';
import type { Transport } from './transport.ts';
import type {
  BanataEvent,
  CallOptions,
  Handoff,
  HandoffField,
  HandoffPage,
  HandoffReason,
  HandoffReply,
  HandoffState,
} from './types.ts';
import { watch } from './watch.ts';

/** What a person is asked for. */
export interface HandoffRequest {
  /** Why a person is needed; the page for the person, events and webhooks show it. */
  reason: HandoffReason;
  /** What the person is to do, complete in itself. */
  message: string;
  /** Who asks. Default `sdk`. */
  requestedBy?: 'agent' | 'opencode' | 'worker' | 'sdk' | 'dashboard';
  /** Prompt that the agent gets when the person is done. */
  resumePrompt?: string;
  /** How long a person is waited for, ms. Default 3,600,000 (an hour), at most 24 hours. */
  expiresInMs?: number;
  /** A form for the person, at most 8 fields. What they enter is secret: it reaches the page, and nobody else. */
  fields?: HandoffField[];
  /**
   * What becomes of the values: `type` has them typed into the page in front, `placeholder` lets the agent type
   * `{{secret:NAME}}` in their place. Default `type`.
   */
  deliver?: 'type' | 'placeholder';
}

/** Options of `waitForHandoff`. */
export interface WaitForHandoffOptions extends CallOptions {
  /** Default: the newest request. */
  requestId?: string;
  /** Longest wait, ms. Default 3,600,000 (an hour). The request itself stays after a timeout. */
  timeoutMs?: number;
}

const path = '/v1/sandboxes/handoff';
const DEFAULT_WAIT_MS = 60 * 60_000;

/**
 * Asks a person to take over, and gives control back. While a request is open, automation of the browser is refused and
 * prompts that wait are not begun.
 */
export class SandboxHandoff {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Asks for a person.
   * @throws BanataError `HANDOFF_OPEN`, `HUMAN_IN_LOOP_DISABLED`.
   * @example
   * ```ts
   * const { viewerUrl } = await sandbox.handoff.request({ reason: 'mfa', message: 'Enter the code from your phone.' });
   * ```
   */
  request(request: HandoffRequest, options: CallOptions = {}): Promise<HandoffReply> {
    return this.#post('request', request, options);
  }

  /**
   * Takes the request over: one person gets it.
   * @param accept.leaseMs How long control is theirs. Default 300,000 (5 minutes); {@link SandboxHandoff.renew} keeps it.
   * @throws BanataError `HANDOFF_TAKEN` with who has it, `HANDOFF_NOT_FOUND`.
   * @example `await sandbox.handoff.accept({ controller: 'ada@example.com' })`
   */
  accept(accept: { controller: string; leaseMs?: number }, options: CallOptions = {}): Promise<HandoffReply> {
    return this.#post('accept', accept, options);
  }

  /** Keeps the lease of who accepted. @example `await sandbox.handoff.renew({ controller: 'ada@example.com' })` */
  renew(renew: { controller: string; leaseMs?: number }, options: CallOptions = {}): Promise<HandoffReply> {
    return this.#post('renew', renew, options);
  }

  /**
   * The person is done; the agent goes on where it waited or was given a resumePrompt.
   * @param end.returnControlTo Default `ai`.
   * @param end.runResumePrompt `false` leaves the agent as it is, and ends a task that waits.
   * @throws BanataError `HANDOFF_NOT_ACCEPTED`, `HANDOFF_TAKEN`, `HANDOFF_NOT_FOUND`.
   * @example `await sandbox.handoff.complete({ note: 'Signed in.' })`
   */
  complete(
    end: {
      controller?: string;
      note?: string;
      returnControlTo?: 'ai' | 'shared';
      runResumePrompt?: boolean;
    } = {},
    options: CallOptions = {},
  ): Promise<HandoffReply> {
    return this.#post('complete', end, options);
  }

  /**
   * Fills the form of a request with what a person entered in your own app, and completes it; accepts it before where
   * nobody has. The values go to the sandbox and are stored nowhere.
   * @param fill.values One for each field, by its name; 1 to 4096 characters.
   * @throws BanataError `HANDOFF_FIELDS_INVALID`, `FIELD_NOT_FOUND`, `HANDOFF_TAKEN`, `HANDOFF_NOT_FOUND`.
   * @example `await sandbox.handoff.fill({ controller: 'ada@example.com', values: { code: '123456' } })`
   */
  fill(
    fill: { controller: string; values: Record<string, string>; note?: string },
    options: CallOptions = {},
  ): Promise<HandoffReply> {
    return this.#post('fill', fill, options);
  }

  /** Withdraws the request; a task that waits goes on and is told so. @example `await sandbox.handoff.cancel()` */
  cancel(end: { note?: string } = {}, options: CallOptions = {}): Promise<HandoffReply> {
    return this.#post('cancel', end, options);
  }

  /** The newest request. @example `const { handoff } = await sandbox.handoff.get()` */
  get(options: CallOptions = {}): Promise<HandoffState> {
    return this.#transport.json({ method: 'GET', path, query: { id: this.#id }, signal: options.signal });
  }

  /** All requests, newest first. @example `const { data } = await sandbox.handoff.history()` */
  history(options: CallOptions & { limit?: number; cursor?: string } = {}): Promise<HandoffPage> {
    const { signal, ...page } = options;
    const query = { id: this.#id, cursor: page.cursor, limit: page.limit?.toString() };
    return this.#transport.json({ method: 'GET', path: `${path}/history`, query, signal });
  }

  /**
   * Waits for the end of a request, whatever its outcome.
   * @throws BanataError `TIMEOUT`, `HANDOFF_NOT_FOUND`.
   * @example
   * ```ts
   * const { status, note } = await sandbox.handoff.wait();
   * ```
   */
  async wait(options: WaitForHandoffOptions = {}): Promise<Handoff> {
    const { signal, timeoutMs = DEFAULT_WAIT_MS } = options;
    const requestId = options.requestId ?? (await this.get(signal ? { signal } : {})).handoff?.requestId;
    if (requestId === undefined) throw notFound(this.#id);
    return watch<Handoff>({
      timeoutMs,
      signal,
      stream: (inner) => this.#followEnd(requestId, inner),
      poll: async (inner) => {
        const { data } = await this.history({ limit: 100, signal: inner });
        const found = data.find((handoff) => handoff.requestId === requestId);
        if (!found) throw notFound(this.#id);
        return isOver(found) ? found : undefined;
      },
      onTimeout: () =>
        new BanataError({
          status: 0,
          code: 'TIMEOUT',
          message: `The request for a person was not closed within ${timeoutMs} ms`,
          suggestion: 'Wait again with waitForHandoff(), or withdraw it with cancelHumanHandoff().',
          details: { sandboxId: this.#id, requestId },
        }),
    });
  }

  async #followEnd(requestId: string, signal: AbortSignal): Promise<Handoff | undefined> {
    for await (const event of followEvents(this.#transport, { id: this.#id, scope: 'sandbox', signal })) {
      const ended = endOf(event);
      if (ended?.requestId === requestId) return ended;
    }
    return undefined;
  }

  #post(act: string, body: object, { signal }: CallOptions): Promise<HandoffReply> {
    return this.#transport.json({
      method: 'POST',
      path: `${path}/${act}`,
      json: { ...body, id: this.#id },
      safety: 'once',
      signal,
    });
  }
}

function endOf(event: BanataEvent): Handoff | undefined {
  switch (event.type) {
    case 'sandbox.handoff.completed':
    case 'sandbox.handoff.cancelled':
    case 'sandbox.handoff.expired':
      return event.data;
    default:
      return undefined;
  }
}

function isOver({ status }: Handoff): boolean {
  return status !== 'pending' && status !== 'accepted';
}

function notFound(sandboxId: string): BanataError {
  return new BanataError({
    status: 404,
    code: 'HANDOFF_NOT_FOUND',
    message: 'There is no such request for a person in this sandbox',
    suggestion: 'Ask with requestHumanHandoff() first.',
    details: { sandboxId },
  });
}

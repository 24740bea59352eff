import { DEFAULT_LAUNCH_MS, orEnd, preferReady } from './bring-up.ts';
import { checkId, openTransport, type BanataSandboxOptions } from './client-options.ts';
import { BanataError } from './error.ts';
import { newIdempotencyKey } from './idempotency-key.ts';
import { LaunchedBrowserSession } from './launched-browser.ts';
import type { Transport } from './transport.ts';
import type {
  BrowserSession,
  BrowserSessionPage,
  CallOptions,
  CreateBrowserOptions,
  CreateCallOptions,
} from './types.ts';

/** Options of {@link BrowserCloud.launch}. */
export interface LaunchBrowserOptions extends CreateBrowserOptions, CallOptions {
  /** Longest wait until the browser takes CDP clients, ms. Default 120,000. */
  timeout?: number;
}

const POLL_MS = 250;

/**
 * Client of the browser sessions of a Banata server: browsers of their own, driven over CDP.
 *
 * @example
 * ```ts
 * const cloud = new BrowserCloud({ apiKey: process.env.BANATA_API_KEY! });
 * const session = await cloud.launch({ weight: 'medium' });
 * const browser = await puppeteer.connect({ browserWSEndpoint: session.cdpUrl });
 * await browser.disconnect();
 * await session.close();
 * ```
 */
export class BrowserCloud {
  readonly #transport: Transport;
  readonly #appUrl: string | undefined;

  /** @throws BanataError `INVALID_ARGUMENT`. */
  constructor(options: BanataSandboxOptions) {
    const { transport, appUrl } = openTransport(options);
    this.#transport = transport;
    this.#appUrl = appUrl;
  }

  /**
   * Creates a browser session and waits until it takes CDP clients. One that does not come up is ended again.
   * @throws BanataError `BROWSER_SESSION_FAILED`, `TIMEOUT`, `CAPACITY_EXHAUSTED`, `PLAN_FEATURE_UNAVAILABLE`.
   * @example
   * ```ts
   * const session = await cloud.launch({ timeout: 30_000 });
   * const browser = await chromium.connectOverCDP(session.cdpUrl);
   * ```
   */
  async launch(options: LaunchBrowserOptions = {}): Promise<LaunchedBrowserSession> {
    const { timeout: timeoutMs = DEFAULT_LAUNCH_MS, signal, ...create } = options;
    const made = await this.#transport.json<BrowserSession>({
      method: 'POST',
      path: '/v1/browsers',
      json: create,
      headers: preferReady(timeoutMs),
      signal,
    });
    const ready = this.#untilReady(made, { timeoutMs, signal });
    const session = await orEnd(ready, (call) => this.close(made.id, call));
    return new LaunchedBrowserSession(this.#transport, session, this.#appUrl);
  }

  /**
   * Creates a browser session and returns at once, with `status` "queued" and without `cdpUrl`.
   * @example
   * ```ts
   * const { id } = await cloud.create({ maxDurationMs: 600_000 });
   * ```
   */
  create(options: CreateBrowserOptions = {}, call: CreateCallOptions = {}): Promise<BrowserSession> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/browsers',
      json: options,
      headers: { 'idempotency-key': call.idempotencyKey ?? newIdempotencyKey() },
      safety: 'idempotent',
      signal: call.signal,
    });
  }

  /**
   * One session as it is now, ended ones included.
   * @throws BanataError `BROWSER_SESSION_NOT_FOUND`.
   * @example
   * ```ts
   * const { status, cdpUrl } = await cloud.get(id);
   * ```
   */
  get(id: string, options: CallOptions = {}): Promise<BrowserSession> {
    checkId(id, 'browser session');
    return this.#transport.json({
      method: 'GET',
      path: '/v1/browsers',
      query: { id },
      signal: options.signal,
    });
  }

  /**
   * A page of sessions, newest first.
   * @param options.all List ended and failed ones too. Default false.
   * @param options.limit Default 50, at most 200.
   * @param options.cursor `nextCursor` of the page before.
   * @example
   * ```ts
   * const { data } = await cloud.list({ limit: 20 });
   * ```
   */
  list(
    options: CallOptions & { all?: boolean; limit?: number; cursor?: string } = {},
  ): Promise<BrowserSessionPage> {
    const { signal, ...query } = options;
    return this.#transport.json({ method: 'GET', path: '/v1/browsers', query, signal });
  }

  /**
   * Ends a session. Ending an ended session is no error.
   * @throws BanataError `BROWSER_SESSION_NOT_FOUND`.
   * @example
   * ```ts
   * await cloud.close(id);
   * ```
   */
  close(id: string, options: CallOptions = {}): Promise<BrowserSession> {
    checkId(id, 'browser session');
    return this.#transport.json({
      method: 'DELETE',
      path: '/v1/browsers',
      query: { id },
      signal: options.signal,
    });
  }

  async #untilReady(
    made: BrowserSession,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal | undefined },
  ): Promise<BrowserSession & { cdpUrl: string }> {
    const deadline = Date.now() + timeoutMs;
    for (let session = made; ; session = await this.get(made.id, { ...(signal && { signal }) })) {
      const { status, cdpUrl } = session;
      if ((status === 'ready' || status === 'active') && cdpUrl !== null) return { ...session, cdpUrl };
      if (status !== 'queued' && status !== 'assigning') throw failed(session);
      if (Date.now() > deadline) throw tooLate(session, timeoutMs);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      signal?.throwIfAborted();
    }
  }
}

function failed({ id, status, endReason }: BrowserSession): BanataError {
  return new BanataError({
    status: 0,
    code: 'BROWSER_SESSION_FAILED',
    message: `Browser session ${id} is ${status}: ${endReason ?? 'its key may not see the address'}`,
    suggestion:
      'Launch a new one with a key that has browser_sessions:create; the server log has the details.',
    details: { sessionId: id },
  });
}

function tooLate({ id }: BrowserSession, timeoutMs: number): BanataError {
  return new BanataError({
    status: 0,
    code: 'TIMEOUT',
    message: `Browser session ${id} was not ready within ${timeoutMs} ms`,
    suggestion: 'Give a longer timeout, or look into the server log for what takes so long.',
    details: { sessionId: id },
  });
}

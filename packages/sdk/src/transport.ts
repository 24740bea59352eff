import { BanataError } from './error.ts';
import { errorFromResponse } from './error-from-response.ts';
import { pauseBeforeRetry, type RetryConfig, type RetrySafety, sleep } from './retry.ts';
import { timerDelay } from './timer-delay.ts';

/** What can be sent as raw bytes. */
export type RawBody =
  | Uint8Array<ArrayBuffer>
  | ArrayBuffer
  | Blob
  | string
  | ReadableStream<Uint8Array<ArrayBuffer>>;

/** One request to the API. */
export interface ApiRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as raw bytes. A stream can be sent once only, so such a request is never repeated. */
  bytes?: RawBody;
  headers?: Record<string, string>;
  /** Default: `once` for POST, `idempotent` for all others. */
  safety?: RetrySafety;
  /** Longest time for one try, reply included, ms. Default 60,000. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

/** What a {@link Transport} needs, checked and with defaults filled in. */
export interface TransportOptions {
  apiKey: string;
  /** Without a slash at the end. */
  baseUrl: string;
  retry: Required<RetryConfig>;
  fetch: typeof fetch;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** Sends requests with the key, retries them and turns failures into {@link BanataError}s. */
export class Transport {
  readonly baseUrl: string;
  readonly retry: Required<RetryConfig>;
  readonly #apiKey: string;
  readonly #fetch: typeof fetch;

  constructor(options: TransportOptions) {
    this.baseUrl = options.baseUrl;
    this.retry = options.retry;
    this.#apiKey = options.apiKey;
    this.#fetch = options.fetch;
  }

  /** The reply is trusted to have the shape of the contract: the server parses its own output. */
  json<T>(request: ApiRequest): Promise<T> {
    return this.#send(request, async (response) => {
      const text = await response.text();
      try {
        return JSON.parse(text) as T;
      } catch (cause) {
        throw new BanataError({
          status: response.status,
          code: 'INVALID_RESPONSE',
          message: `The reply to ${request.method} ${request.path} is not JSON: ${text.slice(0, 100)}`,
          suggestion: `Check that ${this.baseUrl} is the address of a Banata server.`,
          cause,
        });
      }
    });
  }

  /** The whole body of the reply, in memory. */
  bytes(request: ApiRequest): Promise<Uint8Array<ArrayBuffer>> {
    return this.#send(request, async (response) => new Uint8Array(await response.arrayBuffer()));
  }

  /** Opens a stream: one try, and the timeout ends with the headers. The caller reads or cancels the body. */
  async open(request: ApiRequest): Promise<Response> {
    return this.#attempt(request, (response) => Promise.resolve(response));
  }

  /** Content under a signed URL. The key stays out of the request: the URL may lead to another host. */
  async download(
    url: string,
    options: { signal?: AbortSignal | undefined; timeoutMs: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    const target = new URL(url, this.baseUrl);
    return this.#retrying('idempotent', options.signal, () =>
      this.#timed({ path: target.pathname, ...options }, async (signal) => {
        const response = await this.#fetch(target, { signal });
        if (!response.ok) throw await errorFromResponse(response);
        return new Uint8Array(await response.arrayBuffer());
      }),
    );
  }

  #send<T>(request: ApiRequest, read: (response: Response) => Promise<T>): Promise<T> {
    if (request.bytes instanceof ReadableStream) return this.#attempt(request, read);
    const safety = request.safety ?? (request.method === 'POST' ? 'once' : 'idempotent');
    return this.#retrying(safety, request.signal, () => this.#attempt(request, read));
  }

  async #retrying<T>(
    safety: RetrySafety,
    signal: AbortSignal | undefined,
    attempt: () => Promise<T>,
  ): Promise<T> {
    for (let retry = 0; ; retry += 1) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        const pause = pauseBeforeRetry(error, retry, safety, this.retry);
        if (pause === undefined) throw error;
        await sleep(pause, signal);
      }
    }
  }

  #attempt<T>(request: ApiRequest, read: (response: Response) => Promise<T>): Promise<T> {
    return this.#timed(request, async (signal) => {
      const response = await this.#fetch(this.#url(request), { ...this.#init(request), signal });
      if (!response.ok) throw await errorFromResponse(response);
      return read(response);
    });
  }

  async #timed<T>(
    limits: { path: string; timeoutMs?: number; signal?: AbortSignal | undefined },
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = limits.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), timerDelay(timeoutMs));
    try {
      return await work(limits.signal ? AbortSignal.any([limits.signal, deadline.signal]) : deadline.signal);
    } catch (error) {
      limits.signal?.throwIfAborted();
      if (error instanceof BanataError) throw error;
      throw deadline.signal.aborted ? timeoutError(limits.path, timeoutMs) : this.#networkError(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #url(request: ApiRequest): string {
    const url = new URL(this.baseUrl + request.path);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  #init(request: ApiRequest): RequestInit {
    const headers: Record<string, string> = { authorization: `Bearer ${this.#apiKey}`, ...request.headers };
    if (request.bytes !== undefined) {
      headers['content-type'] = 'application/octet-stream';
      const init = { method: request.method, headers, body: request.bytes };
      // `fetch` takes streams only half-duplex, and wants that said (https://fetch.spec.whatwg.org/#dom-requestinit-duplex).
      return request.bytes instanceof ReadableStream ? { ...init, duplex: 'half' } : init;
    }
    if (request.json === undefined) return { method: request.method, headers };
    headers['content-type'] = 'application/json';
    return { method: request.method, headers, body: JSON.stringify(request.json) };
  }

  #networkError(cause: unknown): BanataError {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
    const reason = inner instanceof Error ? inner.message || inner.name : String(inner);
    return new BanataError({
      status: 0,
      code: 'NETWORK_ERROR',
      message: `Cannot reach ${this.baseUrl}: ${reason}`,
      suggestion: 'Check that the server runs (./banata status) and that baseUrl is its address.',
      cause,
    });
  }
}

function timeoutError(path: string, timeoutMs: number): BanataError {
  return new BanataError({
    status: 0,
    code: 'TIMEOUT',
    message: `No full reply from ${path} within ${timeoutMs} ms`,
    suggestion: 'Try again, or give the operation a longer timeout.',
  });
}

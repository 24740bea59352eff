import { BanataError } from './error.ts';

/**
 * When and how failed requests are sent again. Retried are network errors, 429 and 5xx; a `Retry-After` of the
 * server is kept. A request that may have done its work once (running a command, prompting, creating) is sent
 * again only when it certainly did not arrive or was refused: connection refused, 429, 503.
 */
export interface RetryConfig {
  /** Tries after the first one. Default 3; 0 turns retries off. */
  maxRetries?: number;
  /** Pause before the first retry, ms; doubles each time, plus 0–25 % at random. Default 500. */
  baseDelayMs?: number;
  /** Longest pause before the random part, ms. Default 10,000. */
  maxDelayMs?: number;
}

/** Whether a request may be sent a second time after it reached the server. */
export type RetrySafety = 'idempotent' | 'once';

/** A server that asks for more than this is not waited for: the error with `retryAfterMs` goes to the caller. */
const MAX_RETRY_AFTER_MS = 60_000;

/** Not implemented; no room in the sandbox: the same again a moment later. */
const LASTING = new Set([501, 507]);

/** Codes of failures before a request left the machine; Node puts them into `cause`. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** The settings of a client, defaults filled in. @throws BanataError `INVALID_ARGUMENT` for a negative or unusable number. */
export function resolveRetry(config: RetryConfig = {}): Required<RetryConfig> {
  const resolved = { maxRetries: 3, baseDelayMs: 500, maxDelayMs: 10_000, ...withoutUndefined(config) };
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isFinite(value) || value < 0) {
      throw new BanataError({
        status: 0,
        code: 'INVALID_ARGUMENT',
        message: `retry.${name} is ${String(value)}; it must be a number of at least 0`,
        suggestion: 'Give a number, or leave it out for the default.',
      });
    }
  }
  return resolved;
}

function withoutUndefined(config: RetryConfig): RetryConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

/** @returns the pause before retry number `retry` (from 0), ms. */
export function retryDelay(retry: number, config: Required<RetryConfig>, random = Math.random): number {
  const pause = Math.min(config.maxDelayMs, config.baseDelayMs * 2 ** retry);
  return Math.round(pause * (1 + random() * 0.25));
}

/** @returns the pause before the next try, ms, or undefined when the error is final. */
export function pauseBeforeRetry(
  error: unknown,
  retry: number,
  safety: RetrySafety,
  config: Required<RetryConfig>,
): number | undefined {
  if (retry >= config.maxRetries || !isRetryable(error, safety)) return undefined;
  const asked = error.retryAfterMs ?? 0;
  if (asked > MAX_RETRY_AFTER_MS) return undefined;
  return Math.max(asked, retryDelay(retry, config));
}

function isRetryable(error: unknown, safety: RetrySafety): error is BanataError {
  if (!(error instanceof BanataError)) return false;
  if (error.code === 'NETWORK_ERROR') return safety === 'idempotent' || wasNeverSent(error.cause);
  if (error.status === 429 || error.status === 503) return true;
  if (error.code === 'IDEMPOTENCY_KEY_IN_USE') return true;
  return error.status >= 500 && !LASTING.has(error.status) && safety === 'idempotent';
}

function wasNeverSent(cause: unknown): boolean {
  for (let at = cause, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth += 1) {
    if ('code' in at && typeof at.code === 'string' && UNSENT.has(at.code)) return true;
    // Node tries every address of a host name and reports the failures together.
    if (at instanceof AggregateError && at.errors.length > 0 && at.errors.every(wasNeverSent)) return true;
  }
  return false;
}

/** Waits. @throws the signal's reason when it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      // The caller's own reason is passed on as it is, whatever its type.
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}

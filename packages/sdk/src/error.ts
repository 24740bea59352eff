import type { ErrorCode } from '@banata/protocol';

/** Codes of the errors that the client itself finds; all others are the server's. */
export type ClientErrorCode =
  | 'AGENT_FAILED'
  | 'BROWSER_FAILED'
  | 'BROWSER_SESSION_FAILED'
  | 'INVALID_ARGUMENT'
  | 'INVALID_RESPONSE'
  | 'NETWORK_ERROR'
  | 'SANDBOX_ENDED'
  | 'SANDBOX_FAILED'
  | 'TIMEOUT'
  | 'WEBHOOK_INVALID';

/** Code of a {@link BanataError}. Servers newer than this client may answer codes that are not listed here. */
export type BanataErrorCode = ErrorCode | ClientErrorCode | (string & {});

/** What a {@link BanataError} is made of. */
export interface BanataErrorFields {
  /** HTTP status of the reply; 0 when there was none. */
  status: number;
  code: BanataErrorCode;
  message: string;
  /** What to do next. Default: empty. */
  suggestion?: string | undefined;
  /** Further fields of the reply. Default: none. */
  details?: Record<string, unknown> | undefined;
  /** How long the server asks to wait, ms. */
  retryAfterMs?: number | undefined;
  /** The error this one was made from. */
  cause?: unknown;
}

/**
 * Every failure of the SDK, except an abort: that rejects with the reason of your own `AbortSignal`.
 *
 * @example
 * ```ts
 * try {
 *   await sandbox.exec('make');
 * } catch (error) {
 *   if (error instanceof BanataError && error.code === 'SANDBOX_NOT_READY') console.error(error.suggestion);
 *   else throw error;
 * }
 * ```
 */
export class BanataError extends Error {
  /** HTTP status of the reply; 0 when there was none (network error, timeout, wrong argument). */
  readonly status: number;
  /** Stable name of the error, such as `SANDBOX_NOT_FOUND`. */
  readonly code: BanataErrorCode;
  /** What to do next; empty when nobody knows. */
  readonly suggestion: string;
  /** Further fields of the reply, by error code. */
  readonly details: Record<string, unknown>;
  /** How long the server asks to wait before the next try, ms; undefined when it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(fields: BanataErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'BanataError';
    this.status = fields.status;
    this.code = fields.code;
    this.suggestion = fields.suggestion ?? '';
    this.details = fields.details ?? {};
    this.retryAfterMs = fields.retryAfterMs;
  }
}

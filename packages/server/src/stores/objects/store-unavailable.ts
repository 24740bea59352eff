import { ApiError } from '@banata/protocol';

/** Callers are asked to come back after this long; about how often the server itself looks. */
const RETRY_AFTER_MS = 5_000;

/** @param what completes "The object store …". */
export function storeUnavailable(cause?: unknown, what = 'of this server does not answer'): ApiError {
  return new ApiError('STORE_UNAVAILABLE', `The object store ${what}.`, {
    cause,
    details: { retryAfterMs: RETRY_AFTER_MS },
  });
}

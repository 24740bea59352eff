import { ApiError } from '@banata/protocol';
import { DriverError } from '@banata/drivers';

/**
 * Why a driver or a box did not do what it was to, in words for whoever asked for it. What is the server's own fault
 * stays in its log.
 * @param what such as "Starting the sandbox".
 * @param limitMs how long it was given.
 */
export function failureReason(error: unknown, what: string, limitMs: number): string {
  if (isOverdue(error))
    return `${what} took longer than ${limitMs / 1000} s. The host may be overloaded; try again, or run fewer sandboxes.`;
  if (error instanceof ApiError && error.status !== 500) return error.message;
  if (error instanceof DriverError) return error.message;
  return `${what} failed. Try again; the server log has the details.`;
}

/** Who stops by request does not ask for a reason, so that what was aborted here was aborted by its deadline. */
function isOverdue(error: unknown): boolean {
  if (error instanceof DriverError) return error.code === 'ABORTED';
  return error instanceof DOMException && error.name === 'TimeoutError';
}

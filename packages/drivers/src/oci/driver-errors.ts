import { DriverError } from '../driver.ts';

/**
 * The error as one of the driver's own.
 * @param aborted whether the operation was aborted, which then is the reason whatever the error.
 */
export function asDriverError(error: unknown, aborted = false): DriverError {
  if (error instanceof DriverError) return error;
  if (aborted) {
    return new DriverError('ABORTED', 'The operation was aborted; nothing of the box is left.', {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new DriverError('DRIVER_FAILURE', `The host refused an operation: ${message}`, { cause: error });
}

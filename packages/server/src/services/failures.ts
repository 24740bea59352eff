import { ApiError } from '@banata/protocol';

/** SQLSTATE classes and Node codes that mean: the database cannot be reached, is starting or is going down. */
const DATABASE_DOWN = /^(08|57P0[1235]|53300)/;
const CONNECTION_LOST = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
]);
/** Texts of the database's client, which gives these no code. */
const CLIENT_TEXTS =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout|Cannot use a pool after)/;
const DISK_FULL = new Set(['ENOSPC', '53100']);
/** Disk quota exceeded: Node knows no name for it. */
const EDQUOT = -122;

/** What callers are told of a failure: outages of what the server stands on have codes of their own. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code, errno, syscall } = cause as NodeJS.ErrnoException;
    if (errno === EDQUOT || (code !== undefined && DISK_FULL.has(code)))
      return new ApiError('HOST_DISK_FULL', undefined, { cause: error });
    const lostConnection =
      code !== undefined &&
      CONNECTION_LOST.has(code) &&
      (syscall === 'connect' || syscall === 'read' || syscall === 'write');
    if (
      lostConnection ||
      CLIENT_TEXTS.test(cause.message) ||
      (code !== undefined && DATABASE_DOWN.test(code))
    )
      return new ApiError('DATABASE_UNAVAILABLE', undefined, { cause: error });
  }
  return new ApiError('INTERNAL', undefined, { cause: error });
}

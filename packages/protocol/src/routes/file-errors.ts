import type { ErrorCode } from '../errors.ts';

/** What every route that takes a path can answer. */
export const fileErrors: ErrorCode[] = [
  'SANDBOX_NOT_FOUND',
  'SANDBOX_NOT_READY',
  'FILE_ACCESS_DENIED',
  'PATH_INVALID',
  'NOT_A_DIRECTORY',
  'SANDBOX_EXHAUSTED',
  'SANDBOX_UNREACHABLE',
  'SANDBOX_TIMEOUT',
];

/** The same for routes that change something. */
export const fileWriteErrors: ErrorCode[] = [
  ...fileErrors,
  'PATH_PROTECTED',
  'FILE_EXISTS',
  'FILE_BUSY',
  'FILE_SYSTEM_READ_ONLY',
  'SANDBOX_DISK_FULL',
];

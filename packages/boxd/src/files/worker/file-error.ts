import { isDiskFull } from '../../limits/disk-full.ts';

/** An error that reaches the caller as `{ error, code }` with this status. */
export class FileError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FileError';
    this.status = status;
    this.code = code;
  }
}

interface Meaning {
  status: number;
  code: string;
  /** `PATH` stands for the path. */
  message: string;
}

const NOT_FOUND: Meaning = { status: 404, code: 'FILE_NOT_FOUND', message: 'There is no PATH' };
const DENIED: Meaning = {
  status: 403,
  code: 'PERMISSION_DENIED',
  message: 'The account of the sandbox may not do this with PATH',
};
const NOT_EMPTY: Meaning = {
  status: 409,
  code: 'DIRECTORY_NOT_EMPTY',
  message: 'PATH is not empty; pass recursive=true',
};
const BAD_PATH: Meaning = {
  status: 400,
  code: 'INVALID_PATH',
  message: 'PATH is a loop of links, or has a name that is not allowed',
};
const EXISTS: Meaning = {
  status: 409,
  code: 'FILE_EXISTS',
  message: 'PATH, or a part of it, is there already',
};
const NOT_A_FILE: Meaning = { status: 400, code: 'NOT_A_FILE', message: 'PATH is not a regular file' };
const DISK_FULL: Meaning = {
  status: 507,
  code: 'DISK_FULL',
  message: 'The disk of the sandbox is full; remove files and try again',
};
const BUSY: Meaning = { status: 409, code: 'FILE_BUSY', message: 'PATH is in use' };

const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOENT: NOT_FOUND,
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: { status: 403, code: 'READ_ONLY', message: 'PATH is on a file system that cannot be written to' },
  EISDIR: { status: 400, code: 'IS_DIRECTORY', message: 'PATH is a directory' },
  ENOTDIR: { status: 400, code: 'NOT_A_DIRECTORY', message: 'PATH: a part of the path is not a directory' },
  ENOTEMPTY: NOT_EMPTY,
  EEXIST: EXISTS,
  ENAMETOOLONG: {
    status: 400,
    code: 'NAME_TOO_LONG',
    message: 'PATH is too long: a name may have 255 bytes, a path 4096',
  },
  ELOOP: BAD_PATH,
  EINVAL: BAD_PATH,
  ENXIO: NOT_A_FILE,
  ENODEV: NOT_A_FILE,
  ENOSPC: DISK_FULL,
  EBUSY: BUSY,
  ETXTBSY: BUSY,
};

/** Says what a system error means for the caller; undefined when it is not the caller's. */
export function fromSystemError(error: unknown, path: string): FileError | undefined {
  const named = MEANINGS[(error as NodeJS.ErrnoException | undefined)?.code ?? ''];
  const meaning = isDiskFull(error) ? DISK_FULL : named;
  if (!meaning) return undefined;
  return new FileError(
    meaning.status,
    meaning.code,
    meaning.message.replace('PATH', () => path),
    { cause: error },
  );
}

import { ApiError } from '@banata/protocol';
import { statfs } from 'node:fs/promises';

/** Space that new work leaves untouched, so that the database and the sandboxes that exist can go on. */
const RESERVED_BYTES = 256 * 1024 ** 2;

/**
 * @param wanted bytes of what is to be written there.
 * @throws {ApiError} HOST_DISK_FULL when the file system of `path` would then have less room than is kept back for what
 * exists.
 */
export async function requireDiskSpace(path: string, wanted = 0): Promise<void> {
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  if (free - wanted < RESERVED_BYTES) {
    const mebibytes = (bytes: number): number => Math.floor(bytes / 1024 ** 2);
    throw new ApiError(
      'HOST_DISK_FULL',
      `The disk of this server has ${mebibytes(free)} MiB left; the last ${mebibytes(RESERVED_BYTES)} MiB are kept for the sandboxes that exist.`,
    );
  }
}

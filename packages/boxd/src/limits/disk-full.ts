/** Linux's EDQUOT (errno(3)), which Node has no name for: its `code` is `Unknown system error -122`. */
const EDQUOT = -122;

/** Whether a write failed because the disk, or the box's part of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const { code, errno, cause } = (error ?? {}) as { code?: unknown; errno?: unknown; cause?: unknown };
  if (code === 'ENOSPC' || errno === EDQUOT) return true;
  return cause !== undefined && isDiskFull(cause);
}

/** Longest wait a caller can ask for with `Prefer: wait`. */
const MAX_WAIT_MS = 30_000;

/** Milliseconds a caller is willing to wait for what it makes to be ready (RFC 7240, 4.3); 0 without the preference. */
export function preferredWait(header: string | undefined): number {
  const seconds = /(?:^|[,;\s])wait=(\d{1,5})(?:$|[,;\s])/.exec(header ?? '')?.[1];
  return Math.min(Number(seconds ?? 0) * 1000, MAX_WAIT_MS);
}

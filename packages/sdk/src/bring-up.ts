/** Longest wait of `launch`, `fork` and `waitForReady` where the caller names none, ms. */
export const DEFAULT_LAUNCH_MS = 120_000;
/** How long the server may hold the request that creates a sandbox or session until that is ready, seconds. */
const LAUNCH_WAIT_S = 10;
/** How long is tried to end what did not come up, ms. */
const CLEANUP_MS = 10_000;

/** Headers of a request that creates something, so that its reply comes when that is ready, or soon after. */
export function preferReady(timeoutMs: number): { prefer: string } {
  return { prefer: `wait=${Math.min(LAUNCH_WAIT_S, Math.floor(timeoutMs / 1000))}` };
}

/**
 * Waits for what was just created, and ends it again when it does not come up or the wait is aborted: the caller has no
 * handle to do so.
 * @param end is given a signal of its own, since that of the caller may have aborted. Its failure is not told: why the
 * wait failed matters more, and deadlines end what is left.
 */
export async function orEnd<T>(
  wait: Promise<T>,
  end: (options: { signal: AbortSignal }) => Promise<unknown>,
): Promise<T> {
  try {
    return await wait;
  } catch (error) {
    await end({ signal: AbortSignal.timeout(CLEANUP_MS) }).catch(() => undefined);
    throw error;
  }
}

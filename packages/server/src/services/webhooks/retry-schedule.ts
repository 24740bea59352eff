const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Waits after the first, second, … failed attempt; the last one repeats. About fifteen attempts in a day. */
const WAITS_MS = [
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  30 * minute,
  1 * hour,
  2 * hour,
  3 * hour,
];
/** Part of a wait by which it is made longer or shorter at random, so that receivers are not hit in waves. */
const JITTER = 0.2;
/** A receiver cannot ask for more than this. */
const MAX_RETRY_AFTER_MS = 6 * hour;

/**
 * When to try again after attempt number `attempt` (from 1) failed, in ms from now.
 * @param retryAfterMs what the receiver asked for; never undercut, so far as it is bounded.
 */
export function retryDelay(
  attempt: number,
  retryAfterMs: number | undefined,
  random: () => number = Math.random,
): number {
  const wait = WAITS_MS[Math.min(attempt, WAITS_MS.length) - 1] ?? 5 * second;
  const own = wait * (1 + JITTER * (2 * random() - 1));
  return Math.round(Math.max(own, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS)));
}

/** The wait a Retry-After header asks for, in ms: seconds, or a date (RFC 9110, 10.2.3). */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * second;
  const at = /^[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

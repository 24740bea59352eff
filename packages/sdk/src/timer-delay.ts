/** Timers count in 32 bits: a longer delay is run at once (https://nodejs.org/api/timers.html#settimeoutcallback-delay-args). */
const LONGEST_MS = 2 ** 31 - 1;

/** @returns the delay that a timer gets for a wait of `ms`: at most 24.8 days, also for `Infinity`. */
export function timerDelay(ms: number): number {
  return ms <= LONGEST_MS ? ms : LONGEST_MS;
}

import { BanataError } from './error.ts';
import { sleep } from './retry.ts';
import { timerDelay } from './timer-delay.ts';

/** Two ways to learn of one outcome, and when to give up. */
export interface WatchOptions<T> {
  /** Follows a stream until the outcome is known; undefined when the stream ends without one. */
  stream: (signal: AbortSignal) => Promise<T | undefined>;
  /** Asks for the state; undefined while there is no outcome. */
  poll: (signal: AbortSignal) => Promise<T | undefined>;
  timeoutMs: number;
  /** Makes the error that tells of the timeout, with what is known by then. */
  onTimeout: () => BanataError;
  signal?: AbortSignal | undefined;
}

const POLL_BESIDE_STREAM_MS = 2_000;
const POLL_ALONE_MS = 300;
/** Once a poll knows the outcome, the stream gets this long to deliver the events that led to it. */
const STREAM_GRACE_MS = 1_500;
/** Polls that may fail in a row while the server restarts; each has the retries of the transport inside. */
const MAX_POLL_FAILURES = 5;

/**
 * Waits for an outcome with a stream, which is quick, and polls beside it, which notice what a stream that died
 * silently does not. Leaves nothing running behind.
 */
export async function watch<T>(options: WatchOptions<T>): Promise<T> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const timer = setTimeout(() => stop.abort(options.onTimeout()), timerDelay(options.timeoutMs));
  let streaming = true;
  const stream = options.stream(signal).then(
    (outcome) => ({ outcome }),
    (error: unknown) => ({ error }),
  );
  const streamed = stream.then(async (end) => {
    streaming = false;
    if ('error' in end && isVerdict(end.error)) throw end.error;
    return 'outcome' in end && end.outcome !== undefined ? end.outcome : new Promise<never>(() => undefined);
  });
  const polled = pollUntilKnown(options.poll, () => streaming, signal).then(async (outcome) => {
    if (streaming) await Promise.race([stream, sleep(STREAM_GRACE_MS, signal)]);
    return outcome;
  });
  try {
    return await Promise.race([streamed, polled]);
  } catch (error) {
    if (stop.signal.aborted && !options.signal?.aborted) throw stop.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    stop.abort();
    await Promise.allSettled([stream, polled]);
  }
}

async function pollUntilKnown<T>(
  poll: (signal: AbortSignal) => Promise<T | undefined>,
  isStreaming: () => boolean,
  signal: AbortSignal,
): Promise<T> {
  for (let failures = 0; ;) {
    try {
      const outcome = await poll(signal);
      if (outcome !== undefined) return outcome;
      failures = 0;
    } catch (error) {
      failures += 1;
      if (isDefinite(error) || failures > MAX_POLL_FAILURES) throw error;
    }
    const next = Date.now() + POLL_BESIDE_STREAM_MS;
    do await sleep(POLL_ALONE_MS, signal);
    while (isStreaming() && Date.now() < next);
  }
}

/** Whether a stream found the outcome out, and did not merely break: a refused stream leaves it to the polls. */
function isVerdict(error: unknown): boolean {
  return !(error instanceof BanataError) || (error.status === 0 && isDefinite(error));
}

/** Whether asking again cannot change the answer. */
function isDefinite(error: unknown): boolean {
  if (!(error instanceof BanataError)) return true;
  if (error.code === 'NETWORK_ERROR' || error.code === 'TIMEOUT') return false;
  return error.status !== 429 && error.status < 500;
}

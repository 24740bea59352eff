import { BanataError, type BanataEvent, type Sandbox } from '@banata-boxes/sdk';
import { retryDelayMs } from '../../remote/link-state.ts';

export interface Follower {
  onEvents: (events: readonly BanataEvent[]) => void;
  /** Called when the events cannot be followed, with the reason, and with null once they can again. */
  onProblem: (problem: string | null) => void;
  signal: AbortSignal;
}

/** Events that come together are handed on together, so that a long history is drawn once. */
const BATCH_MS = 60;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Collects events and hands them on in batches. */
function createBatcher({ onEvents, signal }: Follower): (event: BanataEvent) => void {
  let batch: BanataEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  return (event) => {
    batch.push(event);
    timer ??= setTimeout(() => {
      timer = undefined;
      const events = batch;
      batch = [];
      onEvents(events);
    }, BATCH_MS);
  };
}

function isRefused(error: unknown): boolean {
  return error instanceof BanataError && error.status >= 400 && error.status < 500 && error.status !== 429;
}

/** Follows all events of a sandbox from the first one to its end, for as long as `signal` allows. */
export async function followTranscript(sandbox: Sandbox, follower: Follower): Promise<void> {
  const { signal, onProblem } = follower;
  const add = createBatcher(follower);
  let after = 0;
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const event of sandbox.events({ after, signal })) {
        if (failures > 0) onProblem(null);
        failures = 0;
        after = event.seq;
        add(event);
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      onProblem(error instanceof Error ? error.message : String(error));
      if (isRefused(error)) return;
      failures += 1;
      await pause(retryDelayMs(failures, Math.random()), signal);
    }
  }
}

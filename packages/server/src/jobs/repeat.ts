import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../logger.ts';

/** Runs a job over and over, never twice at once, until the signal aborts. A failure is logged and the job goes on. */
export async function repeat(
  job: { name: string; everyMs: number; run: () => Promise<void> },
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await job.run();
    } catch (error) {
      if (!signal.aborted)
        logger.error({ event: 'job.failed', job: job.name, err: error }, `job ${job.name} failed`);
    }
    await sleep(job.everyMs, undefined, { signal }).catch(() => undefined);
  }
}

import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { DriverError } from '../driver.ts';
import type { BoxEndpoint } from '../driver.ts';

const REQUEST_TIMEOUT_MS = 2_000;
const FIRST_PAUSE_MS = 2;
const LAST_PAUSE_MS = 50;

/** One health check: true when the daemon answers 200. The answer's body is not read. */
function ask({ host, port }: Pick<BoxEndpoint, 'host' | 'port'>, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const request = get({ host, port, path: '/health', agent: false, timeout: REQUEST_TIMEOUT_MS, signal });
  request.once('response', (response) => {
    resolve(response.statusCode === 200);
    response.destroy();
  });
  request.once('timeout', () => request.destroy());
  request.on('error', () => resolve(false));
  request.once('close', () => resolve(false));
  return promise;
}

export interface HealthOptions {
  timeoutMs: number;
  signal: AbortSignal;
  /** Asked now and then: a box whose processes have ended needs no more waiting. */
  isAlive: () => Promise<boolean>;
}

/**
 * Waits until the daemon of a box answers.
 * @throws {@link DriverError} BOX_START_FAILED when it does not in time, or the box ends; the signal's reason when that aborts.
 */
export async function waitForHealth(
  endpoint: Pick<BoxEndpoint, 'host' | 'port'>,
  options: HealthOptions,
): Promise<void> {
  const { timeoutMs, signal, isAlive } = options;
  const started = Date.now();
  let nextLook = started + 250;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LAST_PAUSE_MS, pause * 1.05)) {
    signal.throwIfAborted();
    if (await ask(endpoint, signal)) return;
    signal.throwIfAborted();
    const now = Date.now();
    if (now - started > timeoutMs) {
      throw new DriverError('BOX_START_FAILED', `The box daemon did not answer within ${timeoutMs} ms.`);
    }
    if (now > nextLook) {
      if (!(await isAlive()))
        throw new DriverError('BOX_START_FAILED', 'The box ended before its daemon answered.');
      nextLook = now + 250;
    }
    await delay(pause, undefined, { signal });
  }
}

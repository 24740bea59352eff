import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { DriverError } from '../driver.ts';
import type { BoxEndpoint } from '../driver.ts';

const REQUEST_TIMEOUT_MS = 2_000;
/** Pauses are shortest while a daemon usually begins to listen. */
const FIRST_PAUSE_MS = 1;
const SHORT_PAUSES_MS = 300;
const LAST_PAUSE_MS = 50;

/** A connection, or undefined where nobody listens. Refused, it costs the server less than a request would. */
function knock(
  { host, port }: Pick<BoxEndpoint, 'host' | 'port'>,
  signal: AbortSignal,
): Promise<Socket | undefined> {
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  const socket = connect({ host, port, noDelay: true, timeout: REQUEST_TIMEOUT_MS, signal });
  socket.once('connect', () => resolve(socket));
  socket.once('timeout', () => socket.destroy());
  socket.on('error', () => resolve(undefined));
  socket.once('close', () => resolve(undefined));
  return promise;
}

/** One health check: true when the daemon answers 200. The answer's body is not read. */
async function ask(endpoint: Pick<BoxEndpoint, 'host' | 'port'>, signal: AbortSignal): Promise<boolean> {
  const socket = await knock(endpoint, signal);
  if (!socket) return false;
  const { host, port } = endpoint;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const createConnection = (): Socket => socket;
  const request = get({ createConnection, host, port, path: '/health', timeout: REQUEST_TIMEOUT_MS, signal });
  request.once('response', (response) => {
    resolve(response.statusCode === 200);
    response.destroy();
  });
  request.once('timeout', () => request.destroy());
  request.on('error', () => resolve(false));
  request.once('close', () => resolve(false));
  return await promise.finally(() => socket.destroy());
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
  for (let pause = FIRST_PAUSE_MS; ;) {
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
    if (now - started > SHORT_PAUSES_MS) pause = Math.min(LAST_PAUSE_MS, pause * 1.2);
    // Its own error for an abort is not the signal's reason, which the next round throws.
    await delay(pause, undefined, { signal }).catch(() => undefined);
  }
}

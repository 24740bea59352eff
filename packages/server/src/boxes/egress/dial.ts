import { connect, type Socket } from 'node:net';

const CONNECT_TIMEOUT_MS = 10_000;
const MAX_TRIES = 3;

/** Why no connection came about, for the log. */
class DialError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DialError';
  }
}

/**
 * Connects to the first address that answers, from the address that the host holds to what boxes may reach.
 * @throws {DialError}
 */
export async function dial(
  addresses: readonly string[],
  port: number,
  { from, signal }: { from: string; signal: AbortSignal },
): Promise<Socket> {
  let cause: unknown;
  for (const address of addresses.slice(0, MAX_TRIES)) {
    if (signal.aborted) break;
    try {
      return await dialOne(address, port, { from, signal });
    } catch (error) {
      cause = error;
    }
  }
  throw new DialError(`no connection to ${addresses.join(', ')} port ${port}`, { cause });
}

function dialOne(
  address: string,
  port: number,
  { from, signal }: { from: string; signal: AbortSignal },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, localAddress: from, noDelay: true, allowHalfOpen: true });
    const fail = (error: Error): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(new DialError('the box gave up'));
    const timer = setTimeout(() => fail(new DialError('no answer in time')), CONNECT_TIMEOUT_MS);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', fail);
    socket.once('connect', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

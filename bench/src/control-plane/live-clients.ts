import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';

const CONNECT_TIMEOUT_MS = 60_000;
const ARRIVAL_TIMEOUT_MS = 30_000;

/** Clients that follow an event stream. */
export interface LiveClients extends Disposable {
  /** Milliseconds from `cause` until the first and the last client had an event of this type. */
  arrival(type: string, cause: () => Promise<unknown>): Promise<{ first: number; last: number }>;
}

/** Opens one stream for each path, in groups, and waits until all have sent their first bytes. */
export async function openLiveClients(
  target: { url: string; apiKey: string },
  paths: readonly string[],
): Promise<LiveClients> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const streams: IncomingMessage[] = [];
  const close = () => agent.destroy();
  try {
    const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
    for (let from = 0; from < paths.length; from += 50) {
      const group = paths.slice(from, from + 50).map(async (path) => {
        const request = get(target.url + path, {
          agent,
          signal,
          headers: { authorization: `Bearer ${target.apiKey}`, accept: 'text/event-stream' },
        });
        const [response] = (await once(request, 'response', { signal })) as [IncomingMessage];
        if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`);
        response.on('error', () => undefined);
        response.resume();
        return response;
      });
      streams.push(...(await Promise.all(group)));
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    arrival: (type, cause) => measureArrival(streams, type, cause),
    [Symbol.dispose]: close,
  };
}

async function measureArrival(
  streams: readonly IncomingMessage[],
  type: string,
  cause: () => Promise<unknown>,
): Promise<{ first: number; last: number }> {
  const startedAt = performance.now();
  const signal = AbortSignal.timeout(ARRIVAL_TIMEOUT_MS);
  const arrivals = streams.map(
    (stream) =>
      new Promise<number>((resolve, reject) => {
        signal.addEventListener('abort', () =>
          reject(new Error(`no ${type} within ${ARRIVAL_TIMEOUT_MS} ms`)),
        );
        const look = (chunk: Buffer) => {
          if (!chunk.includes(type)) return;
          stream.off('data', look);
          resolve(performance.now() - startedAt);
        };
        stream.on('data', look);
      }),
  );
  const [, ...times] = await Promise.all([cause(), ...arrivals]);
  return { first: Math.min(...times), last: Math.max(...times) };
}

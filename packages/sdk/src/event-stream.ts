import { BanataError } from './error.ts';
import { retryDelay, sleep } from './retry.ts';
import { SseParser } from './sse-parser.ts';
import type { Transport } from './transport.ts';

/** The server sends a heartbeat every 10 s; a stream that is silent for three of them is dead. */
const SILENCE_LIMIT_MS = 30_000;

/** One connection to a route that sends events. */
export interface StreamRequest {
  path: string;
  query: Record<string, string | number | undefined>;
  /** Place after which to go on. */
  lastEventId: string | undefined;
  signal: AbortSignal | undefined;
}

/** The JSON objects of one connection, until it ends or breaks. A message that is none is passed over. */
export async function* readStream(
  transport: Transport,
  { path, query, lastEventId, signal: outer }: StreamRequest,
): AsyncGenerator<object, void> {
  const stop = new AbortController();
  const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
  try {
    const response = await transport.open({
      method: 'GET',
      path,
      query,
      headers: {
        accept: 'text/event-stream',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
      signal,
    });
    if (response.body) yield* readObjects(response.body, stop);
  } finally {
    stop.abort();
  }
}

/**
 * What connections give, one after another: a new one whenever one ends or breaks.
 * @param options.isOver asked when a connection ended by itself. Default: it never is.
 * @throws BanataError when the server refuses, or cannot be reached `maxRetries` times in a row.
 */
export async function* reconnecting<T>(
  transport: Transport,
  options: {
    connect: () => AsyncIterable<T>;
    isOver?: () => Promise<boolean>;
    /** What is followed, for errors. */
    subject: string;
    signal: AbortSignal | undefined;
  },
): AsyncGenerator<T, void> {
  const { connect, isOver, subject, signal } = options;
  for (let failures = 0; ;) {
    const openedAt = Date.now();
    let failure: unknown;
    try {
      for await (const item of connect()) {
        failures = 0;
        yield item;
      }
      if (await isOver?.()) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      failure = error;
    }
    // Proxies close quiet connections, which says nothing about the server.
    failures = Date.now() - openedAt >= SILENCE_LIMIT_MS ? 1 : failures + 1;
    if (failures > transport.retry.maxRetries) throw failure ?? closedTooOften(subject);
    await sleep(retryDelay(failures - 1, transport.retry), signal);
  }
}

async function* readObjects(
  body: ReadableStream<Uint8Array>,
  stop: AbortController,
): AsyncGenerator<object, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  let silence = setTimeout(() => stop.abort(), SILENCE_LIMIT_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(brokenStream);
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort(), SILENCE_LIMIT_MS);
      for (const message of parser.push(decoder.decode(value, { stream: true }))) {
        const parsed = parseObject(message.data);
        if (parsed) yield parsed;
      }
    }
  } finally {
    clearTimeout(silence);
    await reader.cancel().catch(() => undefined);
  }
}

function brokenStream(cause: unknown): never {
  throw new BanataError({ status: 0, code: 'NETWORK_ERROR', message: 'The event stream broke off', cause });
}

function parseObject(data: string): object | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof BanataError)) return false;
  return (
    error.code === 'NETWORK_ERROR' || error.code === 'TIMEOUT' || error.status === 429 || error.status >= 500
  );
}

function closedTooOften(subject: string): BanataError {
  return new BanataError({
    status: 0,
    code: 'NETWORK_ERROR',
    message: `The server closes the event stream of ${subject} again and again`,
    suggestion: 'Look into the server log, or poll instead.',
  });
}

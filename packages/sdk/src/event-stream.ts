import { BanataError } from './error.ts';
import { retryDelay, sleep } from './retry.ts';
import { SseParser } from './sse-parser.ts';
import type { Transport } from './transport.ts';

/** The server sends a heartbeat every 10 s; a stream that is silent for three of them is dead. */
const SILENCE_LIMIT_MS = 30_000;
/** A server that stops in order and starts again, with its database, is away for less than this. */
const OUTAGE_LIMIT_MS = 60_000;

/** One connection to a route that sends events. */
export interface StreamRequest {
  path: string;
  query: Record<string, string | number | undefined>;
  /** Place after which to go on. */
  lastEventId: string | undefined;
  signal: AbortSignal | undefined;
  /** Called when the server has let the stream begin. */
  onOpen: () => void;
}

/** The JSON objects of one connection, until it ends or breaks. A message that is none is passed over. */
export async function* readStream(
  transport: Transport,
  { path, query, lastEventId, signal: outer, onOpen }: StreamRequest,
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
    onOpen();
    if (response.body) yield* readObjects(response.body, stop);
  } finally {
    stop.abort();
  }
}

/** What connections are made with, one after another. */
export interface ReconnectOptions<T> {
  /** Makes a connection and calls `onOpen` when the server has let it begin. */
  connect: (onOpen: () => void) => AsyncIterable<T>;
  /** Asked when a connection ended by itself. Default: it never is. */
  isOver?: () => Promise<boolean>;
  /** What is followed, for errors. */
  subject: string;
  signal: AbortSignal | undefined;
}

/**
 * What connections give, one after another: a new one whenever one ends or breaks.
 * @throws BanataError when the server refuses; when it cannot be reached `maxRetries` times in a row, and for a minute
 * where it could be before; when it ends `maxRetries` connections in a row that gave nothing. No connection is made
 * anew where retries are turned off.
 */
export async function* reconnecting<T>(
  transport: Transport,
  { connect, isOver, subject, signal }: ReconnectOptions<T>,
): AsyncGenerator<T, void> {
  const { retry } = transport;
  /** In a row: connections that gave nothing, and tries that came to none. */
  let empty = 0;
  let lost = 0;
  let reachedAt: number | undefined;
  for (;;) {
    const tried = { at: Date.now(), opened: false };
    let failure: unknown;
    try {
      const items = connect(() => {
        tried.opened = true;
        lost = 0;
      });
      for await (const item of items) {
        empty = 0;
        yield item;
      }
      if (await isOver?.()) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      failure = error;
    }
    if (tried.opened) {
      reachedAt = Date.now();
      // Proxies close quiet connections, which says nothing about the server.
      empty = reachedAt - tried.at >= SILENCE_LIMIT_MS ? 1 : empty + 1;
      if (empty > retry.maxRetries) throw failure ?? closedTooOften(subject);
    } else {
      lost += 1;
      if (lost > retry.maxRetries && !mayReturn(reachedAt, retry)) throw failure ?? closedTooOften(subject);
    }
    await sleep(retryDelay(Math.max(empty, lost) - 1, retry), signal);
  }
}

/** Whether a server that was reached once is still waited for: it may be starting again. */
function mayReturn(reachedAt: number | undefined, { maxRetries }: Transport['retry']): boolean {
  return maxRetries > 0 && reachedAt !== undefined && Date.now() - reachedAt < OUTAGE_LIMIT_MS;
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

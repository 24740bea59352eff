import { BanataError } from './error.ts';
import { retryDelay, sleep } from './retry.ts';
import { SseParser } from './sse-parser.ts';
import type { Transport } from './transport.ts';
import type { BanataEvent, SandboxSession } from './types.ts';

export interface FollowOptions {
  id: string;
  /** `agent`: only the agent's events. */
  scope: 'sandbox' | 'agent';
  /** Sequence number of the last event seen; undefined: from now on, where the route offers that. */
  after?: number | undefined;
  signal?: AbortSignal | undefined;
}

const PATHS = { sandbox: '/v1/sandboxes/events', agent: '/v1/sandboxes/agent/events' };

/** The server sends a heartbeat every 10 s; a stream that is silent for three of them is dead. */
const SILENCE_LIMIT_MS = 30_000;

const FINAL_EVENTS = new Set<string>(['sandbox.ended', 'sandbox.failed']);
const FINAL_STATUSES = new Set<string>(['ended', 'failed']);

/**
 * Events of a sandbox in order, each once, over any number of broken connections. Ends with the sandbox.
 * @throws BanataError when the server refuses, or cannot be reached `maxRetries` times in a row.
 */
export async function* followEvents(
  transport: Transport,
  options: FollowOptions,
): AsyncGenerator<BanataEvent, void> {
  let cursor = options.after;
  for (let failures = 0; ;) {
    let failure: unknown;
    try {
      for await (const event of oneConnection(transport, { ...options, after: cursor })) {
        failures = 0;
        if (cursor !== undefined && event.seq <= cursor) continue;
        cursor = event.seq;
        yield event;
        if (FINAL_EVENTS.has(event.type)) return;
      }
      if (await isOver(transport, options)) return;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      failure = error;
    }
    failures += 1;
    if (failures > transport.retry.maxRetries) throw failure ?? closedTooOften(options.id);
    await sleep(retryDelay(failures - 1, transport.retry), options.signal);
  }
}

async function* oneConnection(
  transport: Transport,
  options: FollowOptions,
): AsyncGenerator<BanataEvent, void> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  try {
    const response = await transport.open({
      method: 'GET',
      path: PATHS[options.scope],
      query: { id: options.id, after: options.after },
      headers: {
        accept: 'text/event-stream',
        ...(options.after === undefined ? {} : { 'last-event-id': String(options.after) }),
      },
      signal,
    });
    if (!response.body) return;
    yield* readEvents(response.body, stop);
  } finally {
    stop.abort();
  }
}

async function* readEvents(
  body: ReadableStream<Uint8Array>,
  stop: AbortController,
): AsyncGenerator<BanataEvent, void> {
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
        const event = parseEvent(message.data);
        if (event) yield event;
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

/** A message that is no event (a heartbeat, say) is passed over. */
function parseEvent(data: string): BanataEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === 'object' && value !== null && 'seq' in value && 'type' in value
      ? (value as BanataEvent)
      : undefined;
  } catch {
    return undefined;
  }
}

async function isOver(transport: Transport, options: FollowOptions): Promise<boolean> {
  const session = await transport.json<SandboxSession>({
    method: 'GET',
    path: '/v1/sandboxes',
    query: { id: options.id },
    signal: options.signal,
  });
  return FINAL_STATUSES.has(session.status);
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof BanataError)) return false;
  return (
    error.code === 'NETWORK_ERROR' || error.code === 'TIMEOUT' || error.status === 429 || error.status >= 500
  );
}

function closedTooOften(id: string): BanataError {
  return new BanataError({
    status: 0,
    code: 'NETWORK_ERROR',
    message: `The server closes the event stream of sandbox ${id} again and again`,
    suggestion: 'Look into the server log, or poll the sandbox instead.',
  });
}

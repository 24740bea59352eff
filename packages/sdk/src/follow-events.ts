import { readStream, reconnecting } from './event-stream.ts';
import type { Transport } from './transport.ts';
import type { BanataEvent, SandboxSession } from './types.ts';

/** Which events of a sandbox to follow. */
export interface FollowOptions {
  /** Id of the sandbox. */
  id: string;
  /** `agent`: only the agent's events. */
  scope: 'sandbox' | 'agent';
  /** Sequence number of the last event seen; undefined: from now on, where the route offers that. */
  after?: number | undefined;
  signal?: AbortSignal | undefined;
}

const PATHS = { sandbox: '/v1/sandboxes/events', agent: '/v1/sandboxes/agent/events' };

const FINAL_EVENTS = new Set<string>(['sandbox.ended', 'sandbox.failed']);
const FINAL_STATUSES = new Set<string>(['ended', 'failed']);

/**
 * Events of a sandbox in order, each once, over any number of broken connections. Ends with the sandbox.
 * @throws BanataError when the server refuses, or cannot be reached `maxRetries` times in a row, and for a minute where
 * it was reached before.
 */
export async function* followEvents(
  transport: Transport,
  options: FollowOptions,
): AsyncGenerator<BanataEvent, void> {
  const { id, scope, signal } = options;
  let cursor = options.after;
  const events = reconnecting(transport, {
    connect: (onOpen) =>
      readStream(transport, {
        path: PATHS[scope],
        query: { id, after: cursor },
        lastEventId: cursor === undefined ? undefined : String(cursor),
        signal,
        onOpen,
      }),
    isOver: () => isOver(transport, options),
    subject: `sandbox ${id}`,
    signal,
  });
  for await (const event of events) {
    if (!isEvent(event) || (cursor !== undefined && event.seq <= cursor)) continue;
    cursor = event.seq;
    yield event;
    if (FINAL_EVENTS.has(event.type)) return;
  }
}

function isEvent(value: object): value is BanataEvent {
  return 'seq' in value && 'type' in value;
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

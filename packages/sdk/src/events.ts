import { readStream, reconnecting } from './event-stream.ts';
import type { Transport } from './transport.ts';
import type { CallOptions, EventType, OrganizationBanataEvent, OrganizationEventPage } from './types.ts';

/** Which events are meant; both parts may be left out. */
interface EventFilter extends CallOptions {
  /** Only these. Default: all. */
  types?: EventType[];
  /** Only those of this sandbox. */
  sandboxId?: string;
}

/** Options of {@link OrganizationEvents.list}. */
export interface ListEventsOptions extends EventFilter {
  /** `desc`: newest first; `after` then leads to older events. Default `asc`. */
  order?: 'asc' | 'desc';
  /** Default 100, at most 1000. */
  limit?: number;
  /** `nextCursor` of the page before, or the `cursor` of an event. */
  after?: string;
}

/** Options of {@link OrganizationEvents.follow}. */
export interface FollowEventsOptions extends EventFilter {
  /** `cursor` of the last event seen. Default: from now on. */
  after?: string;
}

const PATH = '/v1/events';
/** Before every event. */
const BEGINNING = '0-0';

/** Events of all sandboxes of the organization. Needs the scope `sandbox_sessions:read`. */
export class OrganizationEvents {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * A page of events, oldest first. Going on after `nextCursor` misses none, whatever happens meanwhile.
   * @throws BanataError `SANDBOX_NOT_FOUND`.
   * @example
   * ```ts
   * const { data, nextCursor } = await banata.events.list({ types: ['sandbox.failed'], order: 'desc' });
   * ```
   */
  list(options: ListEventsOptions = {}): Promise<OrganizationEventPage> {
    const { signal, types, ...query } = options;
    return this.#transport.json({
      method: 'GET',
      path: PATH,
      query: { ...query, type: types?.join(',') },
      signal,
    });
  }

  /**
   * Events as they come, each once, without end; broken connections are picked up again where they broke. Keep the
   * `cursor` of the last event you have dealt with, and go on after it when your program starts again.
   * @throws BanataError `SANDBOX_NOT_FOUND`; `NETWORK_ERROR` when the server cannot be reached `maxRetries` times in
   * a row, and for a minute where it was reached before.
   * @example
   * ```ts
   * for await (const event of banata.events.follow({ types: ['sandbox.agent.task.completed'] })) {
   *   console.log(event.sandboxId, event.data, event.cursor);
   * }
   * ```
   */
  async *follow(options: FollowEventsOptions = {}): AsyncGenerator<OrganizationBanataEvent, void> {
    const { types, sandboxId, signal } = options;
    // A place of its own from the beginning: a connection that breaks before its first event loses none then.
    let cursor = options.after ?? (await this.#newest(signal));
    const events = reconnecting(this.#transport, {
      connect: (onOpen) =>
        readStream(this.#transport, {
          path: PATH,
          query: { sandboxId, type: types?.join(','), after: cursor },
          lastEventId: cursor,
          signal,
          onOpen,
        }),
      subject: 'the organization',
      signal,
    });
    for await (const event of events) {
      if (!isEvent(event)) continue;
      cursor = event.cursor;
      yield event;
    }
  }

  async #newest(signal: AbortSignal | undefined): Promise<string> {
    const { nextCursor } = await this.list({ order: 'desc', limit: 1, ...(signal && { signal }) });
    return nextCursor ?? BEGINNING;
  }
}

function isEvent(value: object): value is OrganizationBanataEvent {
  return 'cursor' in value && 'type' in value;
}

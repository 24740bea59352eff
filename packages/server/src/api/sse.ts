import { ApiError, type EventType, type OrganizationEvent, type SandboxEvent } from '@banata/protocol';
import { Waker, type Notifications } from '../database/notifications.ts';
import type { EventPlace } from '../stores/event-cursor.ts';
import { parseEventCursor } from '../stores/event-cursor.ts';
import type { EventStore } from '../stores/event-store.ts';
import { EVENTS_CHANNEL } from '../stores/event-store.ts';

/** Time between signs of life, and between checks whether the reader may still read. */
const HEARTBEAT_MS = 10_000;
const PAGE = 500;
/** First and longest wait for an older transaction to end, so that events behind it can be sent. */
const SETTLE_MS = { first: 10, longest: 1_000 };

export interface EventStreamOptions {
  sandboxId: string;
  /** Sequence number after which to go on. */
  after: number;
  type?: string | undefined;
  prefix?: string | undefined;
  signal: AbortSignal;
  /** Rejects when the reader may not read any more: its key was revoked, or its organization suspended. */
  recheck: () => Promise<void>;
}

export interface OrganizationStreamOptions {
  organizationId: string;
  /** Default: from now on. */
  after?: EventPlace | undefined;
  types?: EventType[] | undefined;
  sandboxId?: string | undefined;
  signal: AbortSignal;
  /** As in {@link EventStreamOptions}. */
  recheck: () => Promise<void>;
}

/** What a stream reads from. */
interface Source {
  /** Whose notifications wake it. */
  subject: string;
  signal: AbortSignal;
  recheck: () => Promise<void>;
  /** The next events as frames; `full` when there are more, `held` when there are some that cannot be read yet. */
  next: () => Promise<{ frames: string[]; full: boolean; held: boolean }>;
}

/** Server-sent events, read page by page from the table: a slow reader costs no memory. */
export class EventStreams {
  readonly #events: EventStore;
  readonly #notifications: Notifications;
  readonly #stop = new AbortController();

  constructor(events: EventStore, notifications: Notifications) {
    this.#events = events;
    this.#notifications = notifications;
  }

  /** Ends all streams, which clients pick up again at another server or when this one is back. */
  close(): void {
    this.#stop.abort();
  }

  /** Events of one sandbox. */
  response({ sandboxId, after, type, prefix, signal, recheck }: EventStreamOptions): Response {
    let last = after;
    return this.#respond({
      subject: sandboxId,
      signal,
      recheck,
      next: async () => {
        const page = await this.#events.list(sandboxId, { after: last, limit: PAGE, type, prefix });
        last = page.at(-1)?.seq ?? last;
        return {
          frames: page.map((event) => toFrame(event.seq, event)),
          full: page.length === PAGE,
          held: false,
        };
      },
    });
  }

  /** Events of all sandboxes of an organization. */
  async organization(options: OrganizationStreamOptions): Promise<Response> {
    const { organizationId, types, sandboxId, signal, recheck } = options;
    let last = options.after ?? (await this.#events.settledPlace());
    return this.#respond({
      subject: organizationId,
      signal,
      recheck,
      next: async () => {
        // Read before the page: up to there the page has everything, also what the filters leave out.
        const settled = await this.#events.settledPlace();
        const query = { after: last, order: 'asc' as const, limit: PAGE, types, sandboxId };
        const page = await this.#events.listOrganization(organizationId, query);
        last = parseEventCursor(page.at(-1)?.cursor ?? '') ?? last;
        const full = page.length === PAGE;
        if (!full && settled.txn >= last.txn) last = settled;
        return {
          frames: page.map((event) => toFrame(event.cursor, event)),
          full,
          held: !full && (await this.#events.hasUnsettled(organizationId, { after: last, types, sandboxId })),
        };
      },
    });
  }

  #respond(options: Source): Response {
    const signal = AbortSignal.any([options.signal, this.#stop.signal]);
    const source = this.#frames({ ...options, signal });
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await source.next();
        if (done) controller.close();
        else controller.enqueue(Buffer.from(value));
      },
      async cancel() {
        await source.return(undefined);
      },
    });
    return new Response(stream, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      },
    });
  }

  async *#frames({ subject, signal, recheck, next }: Source): AsyncGenerator<string, undefined> {
    const waker = new Waker();
    const unsubscribe = this.#notifications.subscribe(EVENTS_CHANNEL, subject, waker.wake);
    let beat = Date.now();
    let checked = beat;
    let settle = SETTLE_MS.first;
    try {
      yield ': connected\n\n';
      while (!signal.aborted) {
        if (Date.now() - checked >= HEARTBEAT_MS) {
          checked = Date.now();
          if (!(await mayGoOn(recheck))) return;
        }
        const { frames, full, held } = await next();
        if (frames.length > 0) {
          beat = Date.now();
          yield frames.join('');
        } else if (Date.now() - beat >= HEARTBEAT_MS) {
          beat = Date.now();
          yield ': heartbeat\n\n';
        }
        settle = held && frames.length === 0 ? Math.min(settle * 2, SETTLE_MS.longest) : SETTLE_MS.first;
        if (!full) await waker.wait(held ? settle : HEARTBEAT_MS, signal);
      }
    } finally {
      unsubscribe();
    }
  }
}

/** False when the reader is refused by now. A database that does not answer refuses nobody. */
async function mayGoOn(recheck: () => Promise<void>): Promise<boolean> {
  try {
    await recheck();
    return true;
  } catch (error) {
    return !(error instanceof ApiError);
  }
}

function toFrame(id: number | string, event: SandboxEvent | OrganizationEvent): string {
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

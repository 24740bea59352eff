import type { SandboxEvent } from '@banata/protocol';
import type { EventStore } from '../stores/event-store.ts';
import { EVENTS_CHANNEL } from '../stores/event-store.ts';
import { Waker, type Notifications } from '../database/notifications.ts';

const HEARTBEAT_MS = 10_000;
const PAGE = 500;

export interface EventStreamOptions {
  sandboxId: string;
  /** Sequence number after which to go on. */
  after: number;
  type?: string | undefined;
  prefix?: string | undefined;
  signal: AbortSignal;
}

/** Server-sent events of a sandbox, read page by page from the table: a slow reader costs no memory. */
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

  response(options: EventStreamOptions): Response {
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

  async *#frames({
    sandboxId,
    signal,
    type,
    prefix,
    after,
  }: EventStreamOptions): AsyncGenerator<string, undefined> {
    const waker = new Waker();
    const unsubscribe = this.#notifications.subscribe(EVENTS_CHANNEL, sandboxId, waker.wake);
    let last = after;
    let beat = Date.now();
    try {
      yield ': connected\n\n';
      while (!signal.aborted) {
        const page = await this.#events.list(sandboxId, { after: last, limit: PAGE, type, prefix });
        if (page.length > 0) {
          last = page.at(-1)?.seq ?? last;
          beat = Date.now();
          yield page.map(toFrame).join('');
        } else if (Date.now() - beat >= HEARTBEAT_MS) {
          beat = Date.now();
          yield ': heartbeat\n\n';
        }
        if (page.length < PAGE) await waker.wait(HEARTBEAT_MS, signal);
      }
    } finally {
      unsubscribe();
    }
  }
}

function toFrame(event: SandboxEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

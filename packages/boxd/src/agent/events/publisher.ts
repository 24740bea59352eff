import type { BoxEventBody } from '@banata/protocol/box';
import type { BoxLogger, EventSink } from '../../services.ts';

/** Entries that may wait for the journal; beyond that, what only shows progress is left out. */
const MAX_WAITING = 500;

/** Appends to the box's journal in the order of the calls. */
export class EventPublisher {
  readonly #events: EventSink;
  readonly #logger: BoxLogger;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(events: EventSink, logger: BoxLogger) {
    this.#events = events;
    this.#logger = logger;
  }

  /** Resolves when the entry is durable. Never rejects: a journal that cannot be written is logged. */
  publish(body: BoxEventBody): Promise<void> {
    this.#waiting += 1;
    this.#last = this.#last.then(async () => {
      try {
        await this.#events.append(body);
      } catch (error) {
        this.#logger.error('agent.event.lost', { type: body.type, error });
      } finally {
        this.#waiting -= 1;
      }
    });
    return this.#last;
  }

  /** For entries that only show progress: left out, with the answer false, while the journal cannot keep up. */
  publishProgress(body: BoxEventBody): boolean {
    if (this.#waiting >= MAX_WAITING) return false;
    void this.publish(body);
    return true;
  }
}

import type { BoxLogger } from '../services.ts';
import { BoxError, type BoxRequest, type BoxRoute } from '../http/route.ts';
import { encodeSse, SseStream } from '../http/sse.ts';
import type { JournalLine, JournalReader } from './journal-reader.ts';
import type { Journal } from './journal.ts';

const HEARTBEAT_MS = 10_000;

export interface EventsDependencies {
  journal: Journal;
  logger: BoxLogger;
}

/**
 * Creates the part that streams the journal: `GET /events?after=N` answers server-sent events whose id is the
 * cursor and whose data is a `BoxEvent`, from just after N and on; `after=oldest` begins with the oldest entry left. When the reader falls so far behind that entries
 * are dropped, an `error` event of `{ error, code }` ends the stream; asking again answers 410.
 */
export function createEventsService({ journal, logger }: EventsDependencies): { routes: BoxRoute[] } {
  const handle = async (request: BoxRequest): Promise<undefined> => {
    const reader = journal.read(parseAfter(request, journal));
    const waiter = new AppendWaiter(journal);
    try {
      // The first look comes before the headers, so that a cursor that is gone is answered as 410.
      let lines: JournalLine[] | undefined = await reader.next();
      const stream = new SseStream(request.response, request.signal);
      await stream.comment('open');
      while (lines && !request.signal.aborted) {
        if (lines.length > 0) {
          await stream.write(
            lines.map(({ cursor, json }) => encodeSse({ id: String(cursor), data: json })).join(''),
          );
        } else if (!(await waiter.wait(request.signal))) {
          await stream.comment('heartbeat');
        }
        lines = await nextOrEnd(reader, stream);
      }
    } catch (error) {
      if (!request.signal.aborted) throw error;
      request.response.destroy();
    } finally {
      waiter.stop();
      await reader.close().catch((error: unknown) => logger.warn('events.close_failed', { error }));
    }
    return undefined;
  };
  return { routes: [{ method: 'GET', path: '/events', handle }] };
}

async function nextOrEnd(reader: JournalReader, stream: SseStream): Promise<JournalLine[] | undefined> {
  try {
    return await reader.next();
  } catch (error) {
    if (!(error instanceof BoxError)) throw error;
    await stream.send({ event: 'error', data: JSON.stringify({ error: error.message, code: error.code }) });
    stream.end();
    return undefined;
  }
}

function parseAfter(request: BoxRequest, journal: Journal): number {
  const text = request.url.searchParams.get('after') ?? request.raw.headers['last-event-id'] ?? '0';
  if (text === 'oldest') return journal.firstCursor - 1;
  const after = Number(text);
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new BoxError(
      400,
      'INVALID_FIELD',
      `after: ${JSON.stringify(text)} is not a cursor (a whole number from 0)`,
    );
  }
  return after;
}

/** Waits for new entries; one that comes between two waits is not missed. */
class AppendWaiter {
  readonly #stop: () => void;
  #pending = false;
  #wake: (() => void) | undefined;

  constructor(journal: Journal) {
    this.#stop = journal.onAppend(() => {
      this.#pending = true;
      this.#wake?.();
    });
  }

  /** Resolves with true when there is something new, with false after the time of a heartbeat. */
  async wait(signal: AbortSignal): Promise<boolean> {
    if (!this.#pending && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, HEARTBEAT_MS);
      this.#wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      clearTimeout(timer);
    }
    const woken = this.#pending;
    this.#pending = false;
    return woken;
  }

  stop(): void {
    this.#stop();
  }
}

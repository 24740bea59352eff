import { request, type Dispatcher } from 'undici';
import type { AttemptResult } from '../../stores/outbox-store.ts';
import type { OutboundGuard } from '../net/outbound-guard.ts';
import { parseRetryAfter } from './retry-schedule.ts';

const KEPT_BODY_BYTES = 4 * 1024;
/** Once the status is there, the rest of the reply decides nothing any more. */
const BODY_TIMEOUT_MS = 2_000;

/** What a receiver answered, or why it did not. */
export interface SendOutcome extends AttemptResult {
  retryAfterMs: number | undefined;
}

export interface Message {
  url: string;
  body: string;
  headers: Record<string, string>;
}

/** Posts messages to addresses that tenants name. Redirects are answers, not followed. */
export class WebhookSender {
  readonly #guard: OutboundGuard;
  readonly #timeoutMs: number;
  readonly #now: () => number;

  /** @param timeoutMs from the look-up of the name to the status of the reply. */
  constructor(guard: OutboundGuard, timeoutMs: number, now: () => number) {
    this.#guard = guard;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /** Never rejects. @param stop ends the attempt early. */
  async send(message: Message, stop: AbortSignal): Promise<SendOutcome> {
    const startedAt = this.#now();
    const clock = performance.now();
    const outcome = await this.#post(message, stop);
    return { startedAt, durationMs: Math.round(performance.now() - clock), ...outcome };
  }

  async #post(message: Message, stop: AbortSignal): Promise<Omit<SendOutcome, 'startedAt' | 'durationMs'>> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const url = this.#guard.check(message.url);
      if (url.protocol === 'http:' && !this.#guard.opens(url)) {
        throw new Error('http is not used for this host any more; give an https URL.');
      }
      const reply = await request(url, {
        method: 'POST',
        dispatcher: this.#guard.dispatcher,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Banata-Webhooks/1',
          ...message.headers,
        },
        body: message.body,
        signal: AbortSignal.any([timeout, stop]),
        headersTimeout: this.#timeoutMs,
      });
      const retryAfter = reply.headers['retry-after'];
      return {
        status: reply.statusCode,
        error: null,
        responseBody: await readStart(reply),
        retryAfterMs: parseRetryAfter(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, this.#now()),
      };
    } catch (error) {
      const text = timeout.aborted
        ? `No reply within ${this.#timeoutMs} ms.`
        : stop.aborted
          ? 'The server stopped during this attempt.'
          : describe(error);
      return { status: null, error: text, responseBody: null, retryAfterMs: undefined };
    }
  }
}

/** The first bytes of a reply; the connection is dropped when there are more, or when they do not come. */
async function readStart({ body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const slow = setTimeout(() => body.destroy(), BODY_TIMEOUT_MS);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > KEPT_BODY_BYTES) break;
    }
  } catch {
    // A reply that breaks off after its status is kept as far as it came.
  } finally {
    clearTimeout(slow);
    body.destroy();
  }
  return Buffer.concat(chunks).subarray(0, KEPT_BODY_BYTES).toString('utf8');
}

function describe(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  const { message, code } = error as { message?: string; code?: string };
  return (message || code || String(error)).slice(0, 500);
}

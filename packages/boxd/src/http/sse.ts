import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

export interface SseMessage {
  id?: string;
  event?: string;
  /** One line of text, such as JSON. */
  data: string;
}

/** A server-sent event stream on a response. Writes wait for a slow reader, so nothing piles up in memory. */
export class SseStream {
  readonly #response: ServerResponse;
  readonly #signal: AbortSignal;

  /** Sends the headers. The signal ends every wait for a slow reader. */
  constructor(response: ServerResponse, signal: AbortSignal) {
    this.#response = response;
    this.#signal = signal;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
  }

  async send(message: SseMessage): Promise<void> {
    await this.write(encodeSse(message));
  }

  /** Sends a comment line, which keeps the connection alive. */
  async comment(text: string): Promise<void> {
    await this.write(`:${text}\n\n`);
  }

  /** Sends text that is already encoded by {@link encodeSse}. */
  async write(text: string): Promise<void> {
    this.#signal.throwIfAborted();
    if (!this.#response.write(text)) await once(this.#response, 'drain', { signal: this.#signal });
  }

  /** Throws when the reader has gone. */
  ensureOpen(): void {
    this.#signal.throwIfAborted();
  }

  end(): void {
    this.#response.end();
  }
}

/** One message as it goes over the wire. */
export function encodeSse({ id, event, data }: SseMessage): string {
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`;
}

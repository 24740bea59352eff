import { ApiError } from '@banata/protocol';
import type { IncomingMessage } from 'node:http';

/** An upload of which nothing moves for this long is given up. */
const STALL_MS = 150_000;
const LOOK_MS = 10_000;

/** Aborts its signal when a request's body has not moved on for a while. Disposed of when the request is answered. */
export class StallWatch implements Disposable {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(body: IncomingMessage) {
    let seen = body.socket.bytesRead;
    let since = Date.now();
    this.#timer = setInterval(() => {
      const { bytesRead } = body.socket;
      if (bytesRead !== seen) {
        seen = bytesRead;
        since = Date.now();
      } else if (Date.now() - since >= STALL_MS) {
        this.#abort.abort(new ApiError('SANDBOX_TIMEOUT', 'The upload made no progress.'));
      }
    }, LOOK_MS);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

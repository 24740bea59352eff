import type { ApiError } from '@banata/protocol';

/** A signal for each box, which aborts when the server ends or stops it: nobody waits for an answer that cannot come. */
export class BoxLives {
  readonly #controllers = new Map<string, AbortController>();

  /** Aborts with an {@link ApiError}: SANDBOX_ENDED, SANDBOX_INTERRUPTED. */
  signalOf(boxId: string): AbortSignal {
    let controller = this.#controllers.get(boxId);
    if (!controller) {
      controller = new AbortController();
      this.#controllers.set(boxId, controller);
    }
    return controller.signal;
  }

  /** @param reason what those who wait for an answer are told. */
  end(boxId: string, reason: ApiError): void {
    this.#controllers.get(boxId)?.abort(reason);
    this.#controllers.delete(boxId);
  }
}

import { ApiError } from '@banata/protocol';

/** A signal for each box, which aborts when the server ends it: nobody waits for an answer of a box that is gone. */
export class BoxLives {
  readonly #controllers = new Map<string, AbortController>();

  /** Aborts with an {@link ApiError} SANDBOX_ENDED. */
  signalOf(boxId: string): AbortSignal {
    let controller = this.#controllers.get(boxId);
    if (!controller) {
      controller = new AbortController();
      this.#controllers.set(boxId, controller);
    }
    return controller.signal;
  }

  end(boxId: string): void {
    this.#controllers.get(boxId)?.abort(new ApiError('SANDBOX_ENDED'));
    this.#controllers.delete(boxId);
  }
}

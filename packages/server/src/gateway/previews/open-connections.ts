import { ApiError } from '@banata/protocol';

const MAX_PER_PREVIEW = 128;

/** What is open on each preview, so that it can be ended when the preview is. */
export class OpenConnections {
  readonly #byLabel = new Map<string, Set<() => void>>();

  /**
   * @param end ends the connection; called at most once, and not after the result was called.
   * @returns to be called when the connection is over.
   * @throws {ApiError} CAPACITY_EXHAUSTED.
   */
  add(label: string, end: () => void): () => void {
    const open = this.#byLabel.get(label) ?? new Set();
    if (open.size >= MAX_PER_PREVIEW) {
      throw new ApiError(
        'CAPACITY_EXHAUSTED',
        `This preview has ${MAX_PER_PREVIEW} connections open, the most allowed.`,
      );
    }
    this.#byLabel.set(label, open.add(end));
    return () => {
      open.delete(end);
      if (open.size === 0 && this.#byLabel.get(label) === open) this.#byLabel.delete(label);
    };
  }

  labels(): string[] {
    return [...this.#byLabel.keys()];
  }

  end(label: string): void {
    const open = this.#byLabel.get(label);
    this.#byLabel.delete(label);
    for (const end of open ?? []) end();
  }
}

import type { BanataEvent, Sandbox } from '@banata-boxes/sdk';

/** Follows the events of a sandbox from its first one and keeps what it saw. */
export class EventWatch {
  readonly events: BanataEvent[] = [];
  readonly #stopping = new AbortController();
  readonly #reading: Promise<void>;
  #failure: unknown;

  constructor(sandbox: Sandbox) {
    this.#reading = this.#read(sandbox);
  }

  /** Events of one task, in the order seen. */
  ofTask(taskId: string): BanataEvent[] {
    return this.events.filter(({ data }) => 'taskId' in data && data.taskId === taskId);
  }

  /** The final states of a task that were seen. */
  finals(taskId: string): string[] {
    const types = this.ofTask(taskId).map(({ type }) => type);
    return types.flatMap(
      (type) => /^sandbox\.agent\.task\.(completed|failed|cancelled)$/.exec(type)?.[1] ?? [],
    );
  }

  /** Sequence numbers seen twice, left out or out of order, each as a text. */
  gaps(): string[] {
    return this.events.flatMap(({ seq, type }, index) =>
      seq === index + 1 ? [] : [`${type} has ${seq} in place ${index + 1}`],
    );
  }

  /** @throws what ended the watch, unless it was this. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#reading;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #read(sandbox: Sandbox): Promise<void> {
    try {
      const { signal } = this.#stopping;
      for await (const event of sandbox.events({ after: 0, signal })) this.events.push(event);
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#failure = error;
    }
  }
}

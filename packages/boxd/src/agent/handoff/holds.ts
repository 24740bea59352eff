import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { BoxLogger } from '../../services.ts';
import { writeFileAtomically } from '../../atomic-file.ts';

const fileSchema = z.array(z.string());

export interface HoldsOptions {
  /** Keeps them over a restart of the daemon. */
  path: string;
  logger: BoxLogger;
}

/** The open requests for a person: while there is one, tasks that wait are not begun. */
export class Holds {
  readonly #options: HoldsOptions;
  #open: Set<string>;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: HoldsOptions) {
    this.#options = options;
    this.#open = new Set(this.#load());
  }

  get held(): boolean {
    return this.#open.size > 0;
  }

  /** Holds or releases for one request; resolves once it is on disk. */
  set(requestId: string, held: boolean): Promise<void> {
    const turn = this.#turn.then(() => this.#set(requestId, held));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #set(requestId: string, held: boolean): Promise<void> {
    if (this.#open.has(requestId) === held) return;
    const next = new Set(this.#open);
    if (held) next.add(requestId);
    else next.delete(requestId);
    // Held before it is written down, released only after.
    if (held) this.#open = next;
    await writeFileAtomically(this.#options.path, JSON.stringify([...next]));
    this.#open = next;
  }

  #load(): string[] {
    try {
      return fileSchema.parse(JSON.parse(readFileSync(this.#options.path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#options.logger.error('agent.holds.unreadable', { error: (error as Error).message });
      return [];
    }
  }
}

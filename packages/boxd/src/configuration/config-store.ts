import { boxConfigSchema, type BoxConfig } from '@banata/protocol/box';
import { renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { BoxError } from '../http/route.ts';
import { readIfThere } from '../read-if-there.ts';

/** The box's one configuration, on disk so that it outlives the daemon. */
export class ConfigStore {
  readonly #path: string;
  #config: BoxConfig | null = null;
  #saving: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  get current(): BoxConfig | null {
    return this.#config;
  }

  /** Reads what a daemon before this one was given. */
  load(): BoxConfig | null {
    const text = readIfThere(this.#path);
    if (text !== undefined) this.#config = boxConfigSchema.parse(JSON.parse(text));
    return this.#config;
  }

  /**
   * Takes the configuration; resolves with false when it is the one that was taken already.
   * Throws a {@link BoxError} 409 `ALREADY_CONFIGURED` for a different one.
   */
  async save(config: BoxConfig): Promise<boolean> {
    const turn = this.#saving.then(() => this.#save(config));
    this.#saving = turn.catch(() => undefined);
    return await turn;
  }

  async #save(config: BoxConfig): Promise<boolean> {
    if (this.#config) {
      if (isDeepStrictEqual(this.#config, config)) return false;
      throw new BoxError(
        409,
        'ALREADY_CONFIGURED',
        `This box is configured for sandbox ${this.#config.sandboxId} already; a box is configured once`,
      );
    }
    const temporary = `${this.#path}.tmp`;
    try {
      // It holds the sandbox's environment, which is secret. Not in the background: a caller waits for this, there is
      // nothing else to do yet, and a way through the thread pool takes longer than the work.
      writeFileSync(temporary, JSON.stringify(config), { mode: 0o600 });
      renameSync(temporary, this.#path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    this.#config = config;
    return true;
  }
}

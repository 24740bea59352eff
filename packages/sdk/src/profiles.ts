import type { Transport } from './transport.ts';
import type { BrowserProfile, CallOptions } from './types.ts';

/** Ending or freezing the browser, and packing what it keeps. */
const SAVE_TIMEOUT_MS = 3 * 60_000;

/** The kept browser profile of a sandbox with `capabilities: { browser: { persistentProfile: true } }`. */
export class SandboxProfile {
  readonly #transport: Transport;
  readonly #id: string;

  constructor(transport: Transport, id: string) {
    this.#transport = transport;
    this.#id = id;
  }

  /**
   * Saves the profile now; at the end of the sandbox it is saved by itself. Pages stand still meanwhile. What a page
   * wrote to local storage in the last seconds may not be part of it.
   * @throws BanataError `PROFILE_NOT_FOUND` where the sandbox keeps none, `STORE_UNAVAILABLE`.
   * @example
   * ```ts
   * const { size } = await sandbox.profile.save();
   * ```
   */
  save(options: CallOptions = {}): Promise<BrowserProfile> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/browser/profile/save',
      json: { id: this.#id },
      safety: 'idempotent',
      timeoutMs: SAVE_TIMEOUT_MS,
      signal: options.signal,
    });
  }
}

/** Browser profiles that the organization keeps. */
export class BrowserProfiles {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * All of them, in the order of their keys.
   * @example
   * ```ts
   * for (const profile of await banata.profiles.list()) console.log(profile.profileKey, profile.savedAt);
   * ```
   */
  async list(options: CallOptions = {}): Promise<BrowserProfile[]> {
    const { data } = await this.#transport.json<{ data: BrowserProfile[] }>({
      method: 'GET',
      path: '/v1/browser-profiles',
      signal: options.signal,
    });
    return data;
  }

  /**
   * Deletes one with all that is in it. Deleting what is not there is no error.
   * @returns whether there was one.
   * @throws BanataError `PROFILE_IN_USE` while a sandbox uses it.
   * @example
   * ```ts
   * await banata.profiles.delete('shop-login');
   * ```
   */
  async delete(profileKey: string, options: CallOptions = {}): Promise<boolean> {
    const { deleted } = await this.#transport.json<{ deleted: boolean }>({
      method: 'DELETE',
      path: '/v1/browser-profiles',
      query: { profileKey },
      signal: options.signal,
    });
    return deleted;
  }
}

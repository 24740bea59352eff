import { ApiError } from '@banata/protocol';
import { createHash } from 'node:crypto';
import type { SignInTriesStore } from '../../stores/sign-in-tries-store.ts';
import { networkOf } from './network-of.ts';

const WINDOW_MS = 15 * 60_000;
/**
 * Failures in a window. The account alone has the widest limit: it is what a stranger could lock another one out
 * with, and still leaves a guesser no more than 9,600 tries a day.
 */
const MOST = { accountFromAddress: 10, address: 50, account: 100 };

/** Counts failed sign-ins over all servers, and refuses more of them. */
export class SignInLimits {
  readonly #store: SignInTriesStore;
  readonly #now: () => number;

  constructor(store: SignInTriesStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /**
   * Runs a try to sign in. It counts as failed from the start, so that tries at the same time cannot pass the limit
   * together, and is taken back when it succeeds.
   * @throws {ApiError} SIGN_IN_BLOCKED.
   */
  async guard<T>(account: string, address: string, attempt: () => Promise<T>): Promise<T> {
    const network = networkOf(address);
    const buckets = [
      { name: bucket('account-from-address', account, network), most: MOST.accountFromAddress },
      { name: bucket('address', network), most: MOST.address },
      { name: bucket('account', account), most: MOST.account },
    ];
    for (const { name, most } of buckets) {
      const now = this.#now();
      const { tries, resetsAt } = await this.#store.add(name, WINDOW_MS, now);
      if (tries > most) {
        throw new ApiError('SIGN_IN_BLOCKED', undefined, { details: { retryAfterMs: resetsAt - now } });
      }
    }
    const result = await attempt();
    await this.#store.takeBack(buckets.map(({ name }) => name));
    return result;
  }
}

/** Hashed, since names of accounts may be of any length and belong to people. */
function bucket(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

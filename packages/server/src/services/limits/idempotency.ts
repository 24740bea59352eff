import { ApiError, newId } from '@banata/protocol';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IdempotencyStore, KeyedRequest } from '../../stores/idempotency-store.ts';
import type { Secrets } from '../secrets.ts';

/** How long a key stands for its request. */
const KEPT_MS = 24 * 3_600_000;
/** A server that runs a request renews its lease while it does; after a crash another one goes on this much later. */
const LEASE_MS = 10_000;
const RENEW_MS = 3_000;
/** Whoever repeats a request that runs waits this long for its reply: longer than the lease of a server that crashed. */
const WAIT_MS = 12_000;
const POLL_MS = 50;
const KEY_PATTERN = /^[\x21-\x7e]{1,255}$/;

/** Id for the object that a request with a key makes. */
export interface Reservation {
  id: string;
  /** An earlier try was interrupted, and may have made the object already. */
  resumed: boolean;
}

export interface IdempotencyDeps {
  store: IdempotencyStore;
  secrets: Secrets;
  now: () => number;
}

/**
 * Runs requests under a key at most once to their end, over crashes and over all servers: the row of the key is there
 * before the request begins, with the id of what it will make, so that whoever goes on after a crash finds that object
 * instead of making a second one. Replies are kept sealed.
 */
export class Idempotency {
  readonly #deps: IdempotencyDeps;

  constructor(deps: IdempotencyDeps) {
    this.#deps = deps;
  }

  /**
   * @param produce makes the reply; a refusal (an ApiError below 500) has made nothing, and is not kept.
   * @param options.once the reply holds a secret of its own: an interrupted request is not run again.
   * @throws {ApiError} INVALID_REQUEST, IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_KEY_IN_USE, IDEMPOTENCY_OUTCOME_UNKNOWN.
   */
  async run(
    request: KeyedRequest,
    produce: (reservation: Reservation) => Promise<unknown>,
    { once, signal }: { once: boolean; signal: AbortSignal },
  ): Promise<{ reply: unknown; replayed: boolean }> {
    requireKey(request.key);
    const owner = newId();
    const claim = await this.#claim(request, owner, signal);
    if (claim.kind === 'done') {
      return { reply: JSON.parse(this.#deps.secrets.open(claim.reply, claim.objectId)), replayed: true };
    }
    const { objectId: id, resumed } = claim;
    if (resumed && once) {
      await this.#deps.store.release(request, owner);
      throw new ApiError('IDEMPOTENCY_OUTCOME_UNKNOWN');
    }
    return { reply: await this.#produce(request, owner, { id, resumed }, produce), replayed: false };
  }

  /** Forgets keys that no longer stand for anything. */
  removeExpired(): Promise<void> {
    return this.#deps.store.removeOlderThan(this.#deps.now() - KEPT_MS);
  }

  async #claim(request: KeyedRequest, owner: string, signal: AbortSignal) {
    const { store, now } = this.#deps;
    const giveUpAt = now() + WAIT_MS;
    for (;;) {
      signal.throwIfAborted();
      const at = now();
      const claim = await store.claim(request, {
        owner,
        leaseUntil: at + LEASE_MS,
        now: at,
        expiredBefore: at - KEPT_MS,
      });
      if (claim.kind === 'other-request') throw new ApiError('IDEMPOTENCY_KEY_REUSED');
      if (claim.kind !== 'running') return claim;
      if (at >= giveUpAt) {
        throw new ApiError('IDEMPOTENCY_KEY_IN_USE', undefined, { details: { retryAfterMs: 1_000 } });
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  async #produce(
    request: KeyedRequest,
    owner: string,
    reservation: Reservation,
    produce: (reservation: Reservation) => Promise<unknown>,
  ): Promise<unknown> {
    const { store, secrets, now } = this.#deps;
    const renewal = setInterval(() => {
      // A renewal that fails lets the lease run out, and whoever repeats the request goes on with the same id.
      store.renew(request, owner, now() + LEASE_MS).catch(() => undefined);
    }, RENEW_MS);
    try {
      const reply = await produce(reservation);
      await store.finish(request, owner, secrets.seal(JSON.stringify(reply), reservation.id));
      return reply;
    } catch (error) {
      const refused = error instanceof ApiError && error.status < 500 && !reservation.resumed;
      await (refused ? store.forget(request, owner) : store.release(request, owner));
      throw error;
    } finally {
      clearInterval(renewal);
    }
  }
}

function requireKey(key: string): void {
  if (KEY_PATTERN.test(key)) return;
  throw new ApiError(
    'INVALID_REQUEST',
    'Invalid Idempotency-Key: give 1 to 255 visible ASCII characters, such as a UUID.',
    { details: { field: 'Idempotency-Key' } },
  );
}

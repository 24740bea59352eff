import type { RateLimit, RateLimitName } from '@banata/protocol';
import type { RateBucketStore } from '../../stores/rate-bucket-store.ts';

/** A server takes this part of a burst at a time, so that most requests need no question to the database. */
const LEASED_PART = 0.1;
const MAX_BUCKETS = 10_000;

/** What was decided on one request. */
export interface RateDecision {
  allowed: boolean;
  limit: RateLimit;
  /** Whole requests that would be allowed at once now. */
  remaining: number;
  /** Until the bucket is full again, ms. */
  fullInMs: number;
  /** Until the next request is allowed, ms; 0 where this one is. */
  retryAfterMs: number;
}

interface Bucket {
  /** Taken from the shared bucket and not spent yet. */
  held: number;
  /** In the shared bucket, as it was at `readAt`. */
  shared: number;
  readAt: number;
  /** The shared bucket has nothing until then. */
  emptyUntil: number;
  asking: Promise<void> | undefined;
}

/**
 * Token buckets of organizations over all servers. Tokens are leased from PostgreSQL a tenth of a burst at a time, at
 * least one, and spent here. What is granted in a time `t` is at most `burst + rate × t` plus one lease for each
 * server; limits with a burst under 20 are exact.
 */
export class RateLimiter {
  readonly #store: RateBucketStore;
  readonly #limits: Readonly<Record<RateLimitName, RateLimit>>;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(store: RateBucketStore, limits: Readonly<Record<RateLimitName, RateLimit>>, now: () => number) {
    this.#store = store;
    this.#limits = limits;
    this.#now = now;
  }

  /** Takes one token of the organization's bucket. */
  async take(organizationId: string, name: RateLimitName): Promise<RateDecision> {
    const bucket = this.#bucket(`${organizationId}/${name}`);
    const limit = this.#limits[name];
    for (;;) {
      if (bucket.held >= 1) {
        bucket.held -= 1;
        return this.#decision(bucket, limit, 0);
      }
      const now = this.#now();
      if (bucket.emptyUntil > now) return this.#decision(bucket, limit, bucket.emptyUntil - now);
      // Requests that come meanwhile wait for the same answer, and ask again when it was not enough for all.
      bucket.asking ??= this.#lease(bucket, organizationId, name).finally(() => {
        bucket.asking = undefined;
      });
      await bucket.asking;
    }
  }

  #bucket(key: string): Bucket {
    const known = this.#buckets.get(key);
    if (known) return known;
    // What is forgotten here was taken from the shared buckets: forgetting allows less, never more.
    if (this.#buckets.size >= MAX_BUCKETS) this.#buckets.clear();
    const bucket: Bucket = { held: 0, shared: 0, readAt: 0, emptyUntil: 0, asking: undefined };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  async #lease(bucket: Bucket, organizationId: string, name: RateLimitName): Promise<void> {
    const { perMinute, burst } = this.#limits[name];
    const perMs = perMinute / 60_000;
    const wanted = Math.max(1, Math.floor(burst * LEASED_PART));
    const { granted, left } = await this.#store.take({ organizationId, name, burst, perMs }, wanted);
    bucket.held += granted;
    bucket.shared = left;
    bucket.readAt = this.#now();
    bucket.emptyUntil = granted > 0 ? 0 : bucket.readAt + (1 - left) / perMs;
  }

  #decision(bucket: Bucket, limit: RateLimit, retryAfterMs: number): RateDecision {
    const perMs = limit.perMinute / 60_000;
    const shared = Math.min(limit.burst, bucket.shared + (this.#now() - bucket.readAt) * perMs);
    const tokens = Math.min(limit.burst, bucket.held + shared);
    return {
      allowed: retryAfterMs === 0,
      limit,
      remaining: retryAfterMs === 0 ? Math.floor(tokens) : 0,
      fullInMs: (limit.burst - tokens) / perMs,
      retryAfterMs,
    };
  }
}

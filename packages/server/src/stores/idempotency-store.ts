import { newId } from '@banata/protocol';
import type { Database } from '../database/connect.ts';
import type { IdempotencyKeysTable } from '../database/tables/usage.ts';

/** A request under its key. */
export interface KeyedRequest {
  organizationId: string;
  /** Id of the route. */
  route: string;
  key: string;
  /** Hash of what was asked. */
  hash: string;
}

export type Claim =
  /** Ours to run, from the start or after someone who was interrupted. */
  | { kind: 'mine'; objectId: string; resumed: boolean }
  | { kind: 'done'; reply: Buffer; objectId: string }
  | { kind: 'running' }
  | { kind: 'other-request' };

/** Requests under idempotency keys: who runs them, and what they answered. */
export class IdempotencyStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Makes the request ours to run until `leaseUntil`, unless it is done or another one's. */
  async claim(
    request: KeyedRequest,
    lease: { owner: string; leaseUntil: number; now: number; expiredBefore: number },
  ): Promise<Claim> {
    await this.#db
      .deleteFrom('idempotency_keys')
      .where((eb) => eb.and(identify(request)))
      .where('created_at', '<', lease.expiredBefore)
      .execute();
    const objectId = newId();
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto('idempotency_keys')
      .values({
        ...identify(request),
        request_hash: request.hash,
        object_id: objectId,
        owner: lease.owner,
        lease_until: lease.leaseUntil,
        reply_sealed: null,
        created_at: lease.now,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 1n) return { kind: 'mine', objectId, resumed: false };
    return this.#joinExisting(request, lease);
  }

  async #joinExisting(
    request: KeyedRequest,
    { owner, leaseUntil, now }: { owner: string; leaseUntil: number; now: number },
  ): Promise<Claim> {
    const row = await this.#db
      .selectFrom('idempotency_keys')
      .selectAll()
      .where((eb) => eb.and(identify(request)))
      .executeTakeFirst();
    // Whoever ran it was refused and has let go of the key in between.
    if (!row) return { kind: 'running' };
    if (row.request_hash !== request.hash) return { kind: 'other-request' };
    if (row.reply_sealed) return { kind: 'done', reply: row.reply_sealed, objectId: row.object_id };
    const { numUpdatedRows } = await this.#db
      .updateTable('idempotency_keys')
      .set({ owner, lease_until: leaseUntil })
      .where((eb) => eb.and(identify(request)))
      .where('reply_sealed', 'is', null)
      .where((eb) => eb.or([eb('owner', 'is', null), eb('lease_until', '<', now)]))
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return { kind: 'running' };
    return { kind: 'mine', objectId: row.object_id, resumed: true };
  }

  async renew(request: KeyedRequest, owner: string, leaseUntil: number): Promise<void> {
    await this.#db
      .updateTable('idempotency_keys')
      .set({ lease_until: leaseUntil })
      .where((eb) => eb.and(identify(request)))
      .where('owner', '=', owner)
      .execute();
  }

  /** Keeps the reply for those who ask again. */
  async finish(request: KeyedRequest, owner: string, reply: Buffer): Promise<void> {
    await this.#db
      .updateTable('idempotency_keys')
      .set({ owner: null, lease_until: 0, reply_sealed: reply })
      .where((eb) => eb.and(identify(request)))
      .where('owner', '=', owner)
      .execute();
  }

  /** Lets go of a request whose outcome is not known: whoever asks again goes on with it. */
  async release(request: KeyedRequest, owner: string): Promise<void> {
    await this.#db
      .updateTable('idempotency_keys')
      .set({ owner: null, lease_until: 0 })
      .where((eb) => eb.and(identify(request)))
      .where('owner', '=', owner)
      .execute();
  }

  /** Forgets a request that was refused, and so has made nothing. */
  async forget(request: KeyedRequest, owner: string): Promise<void> {
    await this.#db
      .deleteFrom('idempotency_keys')
      .where((eb) => eb.and(identify(request)))
      .where('owner', '=', owner)
      .execute();
  }

  async removeOlderThan(time: number): Promise<void> {
    await this.#db.deleteFrom('idempotency_keys').where('created_at', '<', time).execute();
  }
}

function identify(request: KeyedRequest): Pick<IdempotencyKeysTable, 'organization_id' | 'route' | 'key'> {
  return { organization_id: request.organizationId, route: request.route, key: request.key };
}

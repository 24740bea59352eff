import type { Database } from '../database/connect.ts';

/** Counters of tries to sign in, shared by all servers. */
export class SignInTriesStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Counts one try, in a window that begins with the first one. */
  async add(bucket: string, windowMs: number, now: number): Promise<{ tries: number; resetsAt: number }> {
    const row = await this.#db
      .insertInto('sign_in_tries')
      .values({ bucket, tries: 1, resets_at: now + windowMs })
      .onConflict((conflict) =>
        conflict.column('bucket').doUpdateSet((eb) => ({
          tries: eb
            .case()
            .when('sign_in_tries.resets_at', '<=', now)
            .then(1)
            .else(eb('sign_in_tries.tries', '+', 1))
            .end(),
          resets_at: eb
            .case()
            .when('sign_in_tries.resets_at', '<=', now)
            .then(now + windowMs)
            .else(eb.ref('sign_in_tries.resets_at'))
            .end(),
        })),
      )
      .returning(['tries', 'resets_at'])
      .executeTakeFirstOrThrow();
    return { tries: row.tries, resetsAt: row.resets_at };
  }

  /** Takes a try back that was no failure. */
  async takeBack(buckets: string[]): Promise<void> {
    await this.#db
      .updateTable('sign_in_tries')
      .set((eb) => ({ tries: eb('tries', '-', 1) }))
      .where('bucket', 'in', buckets)
      .where('tries', '>', 0)
      .execute();
  }

  async removeExpired(now: number): Promise<void> {
    await this.#db.deleteFrom('sign_in_tries').where('resets_at', '<=', now).execute();
  }
}

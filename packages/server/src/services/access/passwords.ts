import { ApiError } from '@banata/protocol';
import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';

/** OWASP's second recommended setting for scrypt (Password Storage Cheat Sheet): 32 MiB, three passes. */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** Each hash takes 32 MiB and a core for about 0.2 s: few at once, and few that wait. */
const MOST_AT_ONCE = 2;
const MOST_WAITING = 32;

/** Hashes and checks passwords, a bounded number at a time. */
export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @throws {ApiError} SIGN_IN_BLOCKED when too many others wait. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    const key = await this.#derive(password, salt, COST);
    const { N, r, p } = COST;
    return ['scrypt', N, r, p, salt.toString('base64url'), key.toString('base64url')].join('$');
  }

  /** Takes as long without a hash as with one, so that the time does not tell whether an account exists. */
  async matches(password: string, hash: string | null): Promise<boolean> {
    const [, N, r, p, salt = '', wanted = ''] = hash?.split('$') ?? [];
    const cost = hash === null ? COST : { N: Number(N), r: Number(r), p: Number(p) };
    const key = await this.#derive(password, Buffer.from(salt, 'base64url'), cost);
    const stored = Buffer.from(wanted, 'base64url');
    return stored.length === key.length && timingSafeEqual(stored, key);
  }

  async #derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
    await this.#enter();
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        const options = { ...cost, maxmem: MAX_MEMORY_BYTES };
        // One form for what looks the same on different keyboards.
        scrypt(password.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) =>
          error ? reject(error) : resolve(key),
        );
      });
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < MOST_AT_ONCE) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= MOST_WAITING) {
      throw new ApiError('SIGN_IN_BLOCKED', 'Too many people sign in at this moment', {
        details: { retryAfterMs: 5_000 },
      });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

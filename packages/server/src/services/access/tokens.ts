import { randomText } from '@banata/protocol';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const KEY_PREFIX = 'br_live_';

/** A new API key: 32 characters of 36 after the prefix, about 165 bits. */
export function newApiKeyText(): string {
  return KEY_PREFIX + randomText(32, ALPHABET);
}

/** What lists show of a key. */
export function keyPrefix(key: string): string {
  return key.slice(0, KEY_PREFIX.length + 4);
}

/** A token of a session (`bs_`) or an invitation (`bi_`), about 248 bits. */
export function newToken(prefix: 'bs_' | 'bi_'): string {
  return prefix + randomText(48, ALPHABET);
}

/** A password that nobody chose: 24 characters, about 124 bits. */
export function newPassword(): string {
  return randomText(24, ALPHABET);
}

const PART = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;
const MAX_KEY_LENGTH = 900;

/** Throws where a key is none of {@link ObjectStore}'s: callers make keys themselves, so that is a mistake in a program. */
export function requireObjectKey(key: string): string {
  if (key.length <= MAX_KEY_LENGTH && key.split('/').every((part) => PART.test(part))) return key;
  throw new Error(`not an object key: ${JSON.stringify(key)}`);
}

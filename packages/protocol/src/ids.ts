import { z } from 'zod';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 32;

/**
 * Ids are 32 lowercase letters and digits, as the public documents show them. Requests take any text here: what is no
 * id is simply not found.
 */
export const idSchema = z
  .string()
  .min(1)
  .max(128)
  // PostgreSQL takes no NUL in text; replaced, it still names nothing.
  .overwrite((text) => text.replaceAll('\0', '\ufffd'));

/** A new random id: 32 characters of 36, about 165 bits. */
export function newId(): string {
  return randomText(ID_LENGTH, ALPHABET);
}

/** Uniform random text over an alphabet of at most 256 characters. */
export function randomText(length: number, alphabet: string): string {
  const limit = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}

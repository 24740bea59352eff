/** In JSON text: an escaped NUL or lone surrogate, not preceded by an odd number of backslashes. */
const UNSTORABLE_ESCAPE = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/gi;

/** Text as PostgreSQL can hold it: without NUL and lone surrogates, which output of programs may well contain. */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** A JSON column's value, with the same characters replaced in keys and strings. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSTORABLE_ESCAPE, '$1\\ufffd');
}

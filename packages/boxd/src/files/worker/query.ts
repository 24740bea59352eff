import { FileError } from './file-error.ts';

/** A switch of the query: `true` or `false`. */
export function booleanOf(query: URLSearchParams, name: string, fallback: boolean): boolean {
  const value = query.get(name);
  if (value === null) return fallback;
  if (value === 'true') return true;
  if (value === 'false') return false;
  throw new FileError(400, 'INVALID_FIELD', `${name}: must be true or false`);
}

/** A whole number of the query from 1 to `max`. */
export function countOf(
  query: URLSearchParams,
  name: string,
  { fallback, max }: { fallback: number; max: number },
): number {
  const value = query.get(name);
  if (value === null) return fallback;
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= 1 && number <= max) return number;
  throw new FileError(400, 'INVALID_FIELD', `${name}: must be a whole number from 1 to ${max}`);
}

/** Permission bits of the query, octal as in chmod(1); undefined where it names none. */
export function modeOf(query: URLSearchParams): number | undefined {
  const value = query.get('mode');
  if (value === null) return undefined;
  if (/^0?[0-7]{3,4}$/.test(value)) return Number.parseInt(value, 8);
  throw new FileError(400, 'INVALID_FIELD', 'mode: must be permission bits as octal digits, such as 0755');
}

/** A field that must be there. @throws FileError 400 `INVALID_FIELD`. */
export function textOf(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value !== null && value !== '' && !value.includes('\0')) return value;
  throw new FileError(400, 'INVALID_FIELD', `${name}: a text without null bytes is needed`);
}

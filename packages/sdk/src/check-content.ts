import { BanataError } from './error.ts';

/**
 * Refuses what `fetch` would turn into text that nobody means, such as "[object Object]" or nothing at all: the write
 * would replace a file by it.
 * @throws BanataError `INVALID_ARGUMENT`.
 */
export function checkContent(content: unknown): void {
  if (typeof content === 'string') return;
  if (typeof content !== 'object' || content === null || Array.isArray(content) || isPlain(content))
    throw invalid(
      `The content is ${describe(content)}`,
      'Give text, bytes, a Blob or a ReadableStream; JSON.stringify(…) for data.',
    );
  if (Symbol.asyncIterator in content && !(content instanceof ReadableStream))
    throw invalid(
      'The content is a stream of Node, which fetch does not take',
      'Give Readable.toWeb(stream), or await openAsBlob(path) for a file.',
    );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (Array.isArray(value)) return 'an array';
  return `a ${typeof value === 'object' ? 'plain object' : typeof value}`;
}

function invalid(message: string, suggestion: string): BanataError {
  return new BanataError({ status: 0, code: 'INVALID_ARGUMENT', message, suggestion });
}

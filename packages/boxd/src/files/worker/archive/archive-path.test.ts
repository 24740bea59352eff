import fc from 'fast-check';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { FileError } from '../file-error.ts';
import { entryPath } from './archive-path.ts';

test.each([
  ['a/b', ['a', 'b']],
  ['./a//b/./c/', ['a', 'b', 'c']],
  ['./', []],
  ['...', ['...']],
  ['a\\..\\b', ['a\\..\\b']],
])('takes %j', (name, parts) => {
  expect(entryPath(name)).toEqual(parts);
});

test.each(['/a', '..', '../a', 'a/..', 'a/../b', 'a\0b', 'x'.repeat(4097)])('refuses %j', (name) => {
  expect(() => entryPath(name)).toThrow(FileError);
});

test('no path that is taken leads out of the folder', () => {
  const part = fc.constantFrom('..', '.', '', 'a', '…', '/', 'b/..', '\0');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const name = parts.join('/');
      try {
        const path = posix.join('/root', ...entryPath(name));
        expect(path === '/root' || path.startsWith('/root/')).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
      }
    }),
  );
});

import { expect, test } from 'vitest';
import { chooseKeys } from './spare-keys.ts';

const [A, B, C, D] = [0xe9, 0xfc, 0x6d1, 0x1004f60];
const keyboard = new Map([
  [8, [0x61, 0x41]],
  [9, []],
  [10, []],
]);

test('symbols that a key has need none; the others get those without a meaning', () => {
  const { changes, ready, given } = chooseKeys(keyboard, [0x41, A, A, B], new Map());
  expect([...changes]).toEqual([
    [9, A],
    [10, B],
  ]);
  expect(ready).toBe(4);
  expect([...given.keys()]).toEqual([A, B]);
});

test('without a spare key the symbol that was not wanted for longest gives up its own', () => {
  const full = new Map([...keyboard, [9, [A, A]], [10, [B, B]]]);
  const before = new Map([
    [A, 9],
    [B, 10],
  ]);
  const touched = chooseKeys(full, [A], before);
  expect(touched.changes.size).toBe(0);
  expect([...chooseKeys(full, [C], touched.given).changes]).toEqual([[10, C]]);
  expect(chooseKeys(full, [A, C, D], before)).toMatchObject({ ready: 2, changes: new Map([[10, C]]) });
});

test('keys given on a keyboard that is gone are given anew, and nobody else’s are taken', () => {
  const { changes, ready } = chooseKeys(keyboard, [A], new Map([[A, 8]]));
  expect([[...changes], ready]).toEqual([[[9, A]], 1]);
  const none = chooseKeys(new Map([[8, [0x61]]]), [A], new Map([[A, 8]]));
  expect([none.changes.size, none.ready]).toEqual([0, 0]);
});

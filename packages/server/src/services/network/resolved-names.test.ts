import { expect, test } from 'vitest';
import { ResolvedNames } from './resolved-names.ts';

test('an answer is good for its time, and at least half a minute', () => {
  let now = 0;
  const names = new ResolvedNames(() => now);
  names.learn('a.example', ['11.0.0.1'], 1);
  names.learn('b.example', ['11.0.0.1', '11.0.0.2'], 60);
  expect(names.namesOf('11.0.0.1')).toEqual(['b.example', 'a.example']);
  now = 30_000;
  expect(names.namesOf('11.0.0.1')).toEqual(['b.example']);
  now = 60_000;
  expect(names.namesOf('11.0.0.2')).toEqual([]);
});

test('a box that asks without end fills no memory', () => {
  const names = new ResolvedNames(() => 0);
  for (let index = 0; index < 5_000; index += 1)
    names.learn('a.example', [`11.0.${index >> 8}.${index & 255}`], 60);
  for (let index = 0; index < 100; index += 1) names.learn(`n${index}.example`, ['11.9.9.9'], 60);
  expect(names.namesOf('11.0.0.0')).toEqual([]);
  expect(names.namesOf('11.9.9.9')).toHaveLength(8);
});

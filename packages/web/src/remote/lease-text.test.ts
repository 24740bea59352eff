import { describe, expect, it } from 'vitest';
import { leaseText } from './lease-text.ts';
import { tabName } from './tab-name.ts';

it.each([
  [null, null],
  [61_000, '1:01'],
  [500, '0:01'],
  [-5, '0:00'],
])('%s ms are %s', (left, text) => {
  expect(leaseText(left === null ? null : 1000 + left, 1000)).toBe(text);
});

describe('tabName', () => {
  it('is kept, made anew where it is none, and goes on without storage', () => {
    const kept = new Map<string, string>([['banata.viewer', 'not one!']]);
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    const first = tabName(storage);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(tabName(storage)).toBe(first);
    const blocked = (): never => {
      throw new Error('blocked');
    };
    expect(tabName({ getItem: blocked, setItem: blocked })).toMatch(/^[0-9a-f]{32}$/);
  });
});

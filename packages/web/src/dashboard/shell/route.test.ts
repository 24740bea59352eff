import { expect, it } from 'vitest';
import { parseRoute, sandboxHref } from './route.ts';

it('finds the way to a sandbox and back', () => {
  expect(parseRoute(sandboxHref('k82g51hl3on646lel50o9f162t92xu7z'))).toEqual({
    page: 'sandbox',
    id: 'k82g51hl3on646lel50o9f162t92xu7z',
  });
});

it.each(['', '#', '#/', '#/sandboxes/', '#/sandboxes/a/b', '#/sandboxes/%2e%2e', '#/else'])(
  'shows the list for %j',
  (hash) => {
    expect(parseRoute(hash)).toEqual({ page: 'list' });
  },
);

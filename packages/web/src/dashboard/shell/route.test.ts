import { expect, it } from 'vitest';
import { parseRoute, sandboxHref, settingsHref } from './route.ts';

it('finds the way to a sandbox and back', () => {
  expect(parseRoute(sandboxHref('k82g51hl3on646lel50o9f162t92xu7z'))).toEqual({
    page: 'sandbox',
    id: 'k82g51hl3on646lel50o9f162t92xu7z',
  });
});

it('finds the way to the settings and back', () => {
  for (const part of ['people', 'usage', 'audit', 'organizations'] as const)
    expect(parseRoute(settingsHref(part))).toEqual({ page: 'settings', part });
});

it('reads the token of an invitation', () => {
  expect(parseRoute('#/invitation/Ab_9-x')).toEqual({ page: 'invitation', token: 'Ab_9-x' });
});

it.each([
  '',
  '#',
  '#/',
  '#/sandboxes/',
  '#/sandboxes/a/b',
  '#/sandboxes/%2e%2e',
  '#/settings/else',
  '#/invitation/',
  '#/invitation/a?b',
  '#/else',
])('shows the list for %j', (hash) => {
  expect(parseRoute(hash)).toEqual({ page: 'list' });
});

import { expect, test } from 'vitest';
import { handoffUrl, isHandoffLink } from './handoff-link.ts';

test('tells links to a request from others', () => {
  expect(isHandoffLink('http://h/view?session=a&handoff=b&token=c')).toBe(true);
  expect(isHandoffLink('http://h/view?session=a&token=c')).toBe(false);
});

test('names what is done in the path, the tab only where nothing is sent', () => {
  const origin = 'http://h:1';
  expect(handoffUrl('view', { token: 'a&b', viewer: 'tab', origin })).toBe(
    'http://h:1/v1/sandboxes/handoff/link?token=a%26b&viewer=tab',
  );
  expect(handoffUrl('accept', { token: 'a', origin })).toBe(
    'http://h:1/v1/sandboxes/handoff/link/accept?token=a',
  );
});

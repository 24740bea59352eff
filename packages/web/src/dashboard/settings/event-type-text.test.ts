import { expect, it } from 'vitest';
import { parseEventTypes } from './event-type-text.ts';

it('reads event types apart by anything, each once', () => {
  expect(parseEventTypes(' sandbox.ready,sandbox.ended\n\nsandbox.ready ')).toEqual([
    'sandbox.ready',
    'sandbox.ended',
  ]);
});

it('leaves the choice to the server when there are none', () => {
  expect(parseEventTypes(' \n, ')).toBeUndefined();
});

import { expect, it } from 'vitest';
import { may } from './may.ts';

it('allows everything without scopes, and else only what they name', () => {
  expect(may({ scopes: null }, 'webhooks:manage')).toBe(true);
  expect(may({ scopes: ['webhooks:manage'] }, 'webhooks:manage')).toBe(true);
  expect(may({ scopes: ['webhooks:manage'] }, 'api_keys:manage')).toBe(false);
  expect(may({ scopes: [] }, 'api_keys:manage')).toBe(false);
});

import { BanataError } from '@banata-boxes/sdk';
import { expect, it } from 'vitest';
import { organizationChoice } from './organization-choice.ts';

function conflict(details: Record<string, unknown>): BanataError {
  return new BanataError({ status: 409, code: 'CONFLICT', message: 'Several', details });
}

it('finds the organizations in the refusal of a sign-in', () => {
  const organizations = [
    { id: 'a', name: 'One' },
    { id: 'b', name: 'Two' },
  ];
  expect(organizationChoice(conflict({ organizations }))).toEqual(organizations);
});

it.each([
  [null],
  [new Error('x')],
  [conflict({})],
  [conflict({ organizations: [{ id: 1 }, null] })],
  [new BanataError({ status: 401, code: 'SIGN_IN_FAILED', message: 'Wrong' })],
])('finds none in other errors', (error) => {
  expect(organizationChoice(error)).toBeUndefined();
});

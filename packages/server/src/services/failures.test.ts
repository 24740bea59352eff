import { ApiError } from '@banata/protocol';
import { expect, test } from 'vitest';
import { toApiError } from './failures.ts';

function failure(fields: object, message = 'x'): Error {
  return Object.assign(new Error(message), fields);
}

test.each([
  ['refused', failure({ code: 'ECONNREFUSED', syscall: 'connect' }), 'DATABASE_UNAVAILABLE'],
  ['no socket', failure({ code: 'ENOENT', syscall: 'connect' }), 'DATABASE_UNAVAILABLE'],
  ['shutting down', failure({ code: '57P01' }), 'DATABASE_UNAVAILABLE'],
  ['starting', failure({ code: '57P03' }), 'DATABASE_UNAVAILABLE'],
  ['cut off', failure({}, 'Connection terminated unexpectedly'), 'DATABASE_UNAVAILABLE'],
  ['wrapped', new Error('query failed', { cause: failure({ code: '08006' }) }), 'DATABASE_UNAVAILABLE'],
  ['disk full', failure({ code: 'ENOSPC', syscall: 'write' }), 'HOST_DISK_FULL'],
  ['disk full in the database', failure({ code: '53100' }), 'HOST_DISK_FULL'],
  ['a missing file', failure({ code: 'ENOENT', syscall: 'open' }), 'INTERNAL'],
  ['a constraint', failure({ code: '23505' }), 'INTERNAL'],
  ['not an error', 'text', 'INTERNAL'],
])('%s', (_name, error, code) => {
  expect(toApiError(error).code).toBe(code);
});

test('an error of the API stays as it is', () => {
  const error = new ApiError('CONFLICT');
  expect(toApiError(error)).toBe(error);
});

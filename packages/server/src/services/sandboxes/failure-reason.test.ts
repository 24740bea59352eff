import { ApiError } from '@banata/protocol';
import { DriverError } from '@banata/drivers';
import { expect, test } from 'vitest';
import { failureReason } from './failure-reason.ts';

const reasonOf = (error: unknown): string => failureReason(error, 'Starting the sandbox', 60_000);

test('a deadline that passed is named, also where the driver noticed it', () => {
  const overdue = /^Starting the sandbox took longer than 60 s\. .*try again/;
  expect(reasonOf(AbortSignal.abort(new DOMException('', 'TimeoutError')).reason)).toMatch(overdue);
  expect(reasonOf(new DriverError('ABORTED', 'The operation was aborted.'))).toMatch(overdue);
});

test('what the driver or the box said is handed on', () => {
  expect(reasonOf(new DriverError('CAPACITY_EXHAUSTED', 'The pool is full.'))).toBe('The pool is full.');
  expect(reasonOf(new ApiError('SANDBOX_UNREACHABLE'))).toBe('The sandbox did not answer');
});

test('what is our own fault stays in the log', () => {
  const own = 'Starting the sandbox failed. Try again; the server log has the details.';
  expect(reasonOf(new Error('connect ECONNREFUSED /run/secret.sock'))).toBe(own);
  expect(reasonOf(new ApiError('INTERNAL', 'row 17 of api_keys'))).toBe(own);
});

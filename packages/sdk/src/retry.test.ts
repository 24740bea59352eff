import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BanataError } from './error.ts';
import { parseRetryAfter } from './error-from-response.ts';
import { pauseBeforeRetry, resolveRetry, retryDelay, sleep } from './retry.ts';

const config = resolveRetry();
const failed = (
  status: number,
  more: { code?: string; cause?: unknown; retryAfterMs?: number } = {},
): BanataError => new BanataError({ status, code: 'INTERNAL', message: 'x', ...more });

test('the defaults are three retries from 500 ms to 10 s', () => {
  expect(config).toEqual({ maxRetries: 3, baseDelayMs: 500, maxDelayMs: 10_000 });
});

test('pauses double up to the limit and carry at most a quarter more', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.double({ min: 0, max: 1, noNaN: true }), (retry, random) => {
      const plain = Math.min(10_000, 500 * 2 ** retry);
      const delay = retryDelay(retry, config, () => random);
      expect(delay).toBeGreaterThanOrEqual(Math.floor(plain));
      expect(delay).toBeLessThanOrEqual(Math.ceil(plain * 1.25));
    }),
  );
});

test.each([
  ['500 of a read', failed(500), 'idempotent', true],
  ['500 of a command', failed(500), 'once', false],
  ['502 of a command', failed(502), 'once', false],
  ['503 of a command', failed(503), 'once', true],
  ['429 of a command', failed(429), 'once', true],
  ['400 of a read', failed(400), 'idempotent', false],
  ['404 of a read', failed(404), 'idempotent', false],
  ['broken connection of a read', failed(0, { code: 'NETWORK_ERROR' }), 'idempotent', true],
  ['broken connection of a command', failed(0, { code: 'NETWORK_ERROR' }), 'once', false],
  ['timeout of a read', failed(0, { code: 'TIMEOUT' }), 'idempotent', false],
  ['abort', new DOMException('stop', 'AbortError'), 'idempotent', false],
] as const)('%s: retried %s', (_, error, safety, retried) => {
  expect(pauseBeforeRetry(error, 0, safety, config) !== undefined).toBe(retried);
});

test('a command that was refused a connection is sent again', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  const cause = new TypeError('fetch failed', { cause: new AggregateError([refused, refused]) });
  expect(pauseBeforeRetry(failed(0, { code: 'NETWORK_ERROR', cause }), 0, 'once', config)).toBeDefined();
});

test('Retry-After sets the shortest pause, and a very long one goes to the caller', () => {
  expect(pauseBeforeRetry(failed(429, { retryAfterMs: 7_000 }), 0, 'once', config)).toBe(7_000);
  expect(pauseBeforeRetry(failed(429, { retryAfterMs: 61_000 }), 0, 'once', config)).toBeUndefined();
});

test('there is no retry after the last one', () => {
  expect(pauseBeforeRetry(failed(503), 3, 'idempotent', config)).toBeUndefined();
});

test('Retry-After is read as seconds or as a date', () => {
  expect(parseRetryAfter('2')).toBe(2_000);
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 1_000)).toBe(4_000);
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 9_000)).toBe(0);
  expect(parseRetryAfter('soon')).toBeUndefined();
  expect(parseRetryAfter(null)).toBeUndefined();
});

test('wrong retry options are named', () => {
  expect(() => resolveRetry({ maxRetries: -1 })).toThrow('retry.maxRetries is -1');
});

test('sleep ends with the reason of the signal', async () => {
  const stop = new AbortController();
  const waiting = sleep(60_000, stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  await expect(sleep(60_000, stop.signal)).rejects.toThrow('enough');
});

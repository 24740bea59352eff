import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SightingLog, type DetectorKind } from './sighting-log.ts';

const MINUTE_MS = 60_000;

/** Looks once a minute. */
function looks(log: SightingLog, seen: [string, DetectorKind[]][]): boolean[] {
  return seen.map(([document, shown], index) => log.note(document, shown, index * MINUTE_MS));
}

test('asks once what stays, and not for what flashes by', () => {
  expect(
    looks(new SightingLog(), [
      ['a', ['login']],
      ['b', ['login']],
      ['b', ['login']],
      ['b', ['login']],
      ['b', ['login']],
    ]),
  ).toEqual([false, false, true, false, false]);
});

test('a sign that went away and came back, and one more kind, are other occurrences', () => {
  expect(
    looks(new SightingLog(), [
      ['a', ['login']],
      ['a', ['login']],
      ['a', []],
      ['a', ['login']],
      ['a', ['login']],
      ['a', []],
      ['a', []],
      ['a', []],
      ['a', ['login']],
      ['a', ['login']],
      ['a', ['login', 'captcha']],
      ['a', ['login', 'captcha']],
    ]),
  ).toEqual([false, true, false, false, false, false, false, false, false, true, false, true]);
});

test('one request is about all that the page shows', () => {
  expect(
    looks(new SightingLog(), [
      ['a', ['login', 'captcha']],
      ['a', ['login', 'captcha']],
      ['a', ['login', 'captcha']],
    ]),
  ).toEqual([false, true, false]);
});

test('what could not be asked since the last request was a moment ago is asked later', () => {
  const log = new SightingLog();
  const asked = Array.from({ length: 60 }, (_, second) =>
    log.note(second < 5 ? 'a' : 'b', ['login'], second * 1000),
  );
  expect(asked.flatMap((isAsked, second) => (isAsked ? [second] : []))).toEqual([1, 31]);
});

test('whatever pages do, requests lie apart and are bounded in an hour', () => {
  const look = fc.tuple(
    fc.constantFrom('a', 'b', 'c'),
    fc.subarray<DetectorKind>(['login', 'otp', 'captcha']),
    fc.integer({ min: 1, max: 20_000 }),
  );
  fc.assert(
    fc.property(fc.array(look, { maxLength: 400 }), (seen) => {
      const log = new SightingLog();
      const asked: number[] = [];
      let now = 0;
      for (const [document, shown, pause] of seen) {
        now += pause;
        if (log.note(document, shown, now)) asked.push(now);
      }
      for (const [index, at] of asked.entries()) {
        if (index > 0) expect(at - (asked[index - 1] ?? 0)).toBeGreaterThanOrEqual(30_000);
        expect(asked.filter((other) => other <= at && at - other < 3_600_000).length).toBeLessThanOrEqual(20);
      }
    }),
  );
});

import { expect, test } from 'vitest';
import { countTests, type VitestReport } from './vitest-report.ts';

function report(success: boolean, files: Record<string, string[]>, broken: string[] = []): VitestReport {
  return {
    success,
    testResults: Object.entries(files).map(([name, statuses]) => ({
      name,
      status: broken.includes(name) || statuses.includes('failed') ? 'failed' : 'passed',
      assertionResults: statuses.map((status, index) => ({ fullName: `${name} ${index}`, status })),
    })),
  };
}

test('counts passed, failed and skipped tests and names the failures', () => {
  const counts = countTests(report(false, { a: ['passed', 'failed'], b: ['passed', 'skipped'] }), 1);
  expect(counts).toEqual({
    passed: 2,
    failed: 1,
    skipped: 1,
    failures: [{ name: 'a 1', message: '' }],
    retried: [],
  });
});

test('a file that could not be loaded is a failure', () => {
  expect(countTests(report(false, { a: ['passed'], b: [] }, ['b']), 1)).toMatchObject({
    passed: 1,
    failures: [{ name: 'b' }],
  });
});

test('a file whose set-up failed is counted once beside its passed tests', () => {
  expect(countTests(report(false, { a: ['passed'] }, ['a']), 1)).toMatchObject({
    passed: 1,
    failures: [{ name: 'a' }],
  });
});

test('an error outside any test is a failure', () => {
  expect(countTests(report(true, { a: ['passed'] }), 1)).toMatchObject({ passed: 1, failed: 1 });
  expect(countTests(report(false, { a: ['passed'] }), 0)).toMatchObject({ passed: 1, failed: 1 });
});

test('a run without a report is a failure, whatever its exit code', () => {
  expect(countTests(undefined, 0)).toMatchObject({ passed: 0, failed: 1 });
});

test('a good run has none', () => {
  expect(countTests(report(true, { a: ['passed'] }), 0)).toEqual({
    passed: 1,
    failed: 0,
    skipped: 0,
    failures: [],
    retried: [],
  });
});

test('what passed on a second try is told with what went wrong on the first', () => {
  const one = report(true, { a: ['passed', 'passed'] });
  one.testResults[0]!.assertionResults[1]!.failureMessages = ['\u001B[31mError: late\u001B[39m\n  at a.ts:1'];
  expect(countTests(one, 0)).toMatchObject({
    passed: 2,
    failed: 0,
    retried: [{ name: 'a 1', message: 'Error: late\n  at a.ts:1' }],
  });
});

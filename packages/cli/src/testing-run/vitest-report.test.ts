import { describe, expect, test } from 'vitest';
import { countTests, failedFiles, withSecondTry, type VitestReport } from './vitest-report.ts';

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

describe('a second try of the files that failed', () => {
  test('counts instead of the first, which is told', () => {
    const first = report(false, { a: ['passed', 'failed'], b: ['passed'] });
    first.testResults[0]!.assertionResults[1]!.failureMessages = [
      '\u001B[31mError: late\u001B[39m\n  at a.ts:1',
    ];
    expect(failedFiles(first)).toEqual(['a']);
    const both = withSecondTry(first, report(true, { a: ['passed', 'passed'] }));
    expect(countTests(both, 0)).toMatchObject({
      passed: 3,
      failed: 0,
      retried: [{ name: 'a 1', message: 'Error: late\n  at a.ts:1' }],
    });
  });

  test('that fails again, or elsewhere, is a failure', () => {
    const first = report(false, { a: ['passed', 'failed', 'failed'] });
    const both = withSecondTry(first, report(false, { a: ['failed', 'failed', 'passed'] }));
    expect(countTests(both, 1)).toMatchObject({
      passed: 1,
      failures: [{ name: 'a 0' }, { name: 'a 1' }],
      retried: [{ name: 'a 2' }],
    });
  });

  test('of a file whose set-up failed is told too', () => {
    const first = report(false, { a: [] }, ['a']);
    first.testResults[0]!.message = 'The database did not start';
    expect(failedFiles(first)).toEqual(['a']);
    const both = withSecondTry(first, report(true, { a: ['passed'] }));
    expect(countTests(both, 0)).toMatchObject({
      passed: 1,
      failed: 0,
      retried: [{ name: 'a', message: 'The database did not start' }],
    });
  });

  test('does not hide an error outside any test', () => {
    const first = report(false, { a: ['failed'] });
    const both = withSecondTry(first, report(false, { a: ['passed'] }));
    expect(countTests(both, 1)).toMatchObject({ passed: 1, failed: 1 });
  });
});

import { stripVTControlCharacters } from 'node:util';

/** The parts of vitest's JSON report that are used (its format is Jest's). */
export interface VitestReport {
  success: boolean;
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
  }[];
}

/** A test, or a file that could not be loaded, and the first lines of what went wrong with it. */
export interface FailedTest {
  name: string;
  /** Without colours; empty when nothing was said. */
  message: string;
}

export interface ReportCounts {
  passed: number;
  failed: number;
  skipped: number;
  failures: FailedTest[];
  /** What passed only when it was tried again; counted as passed. Its message is that of the first try. */
  retried: FailedTest[];
}

const MESSAGE_LINES = 12;
const MESSAGE_LENGTH = 1_200;

/**
 * Counts tests. A file that could not be loaded counts as one failure, and so does a run that failed without saying
 * where (an error outside any test).
 */
export function countTests(report: VitestReport | undefined, exitCode: number): ReportCounts {
  const counts: ReportCounts = { passed: 0, failed: 0, skipped: 0, failures: [], retried: [] };
  for (const file of report?.testResults ?? []) countFile(file, counts);
  if (counts.failures.length === 0 && (exitCode !== 0 || report?.success !== true)) {
    const name = report ? `the run ended with exit code ${exitCode}` : 'the run left no report';
    counts.failures.push({ name, message: '' });
  }
  counts.failed = counts.failures.length;
  return counts;
}

/** Paths of the files in which a test failed, or that could not be loaded or set up. */
export function failedFiles(report: VitestReport | undefined): string[] {
  return (report?.testResults ?? []).filter(({ status }) => status === 'failed').map(({ name }) => name);
}

/**
 * The report of a run whose failed files were run once more: the later results of those files count. What passes only
 * now keeps what went wrong before.
 */
export function withSecondTry(first: VitestReport, second: VitestReport): VitestReport {
  const again = new Map(second.testResults.map((file) => [file.name, file]));
  const testResults = first.testResults.map((file) => {
    const later = again.get(file.name);
    return later ? fileWithSecondTry(file, later) : file;
  });
  return { success: second.success, testResults };
}

type FileReport = VitestReport['testResults'][number];

function fileWithSecondTry(first: FileReport, second: FileReport): FileReport {
  const messages = new Map(
    first.assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages = [] }) => [fullName, [failureMessages[0] ?? '']]),
  );
  const assertionResults = second.assertionResults.map((test) => {
    const before = test.status === 'passed' ? messages.get(test.fullName) : undefined;
    return before ? { ...test, failureMessages: before } : test;
  });
  // Its set-up went wrong, not one of its tests.
  const message = second.status === 'passed' && messages.size === 0 ? first.message : second.message;
  return { ...second, ...(message === undefined ? {} : { message }), assertionResults };
}

function countFile(file: FileReport, counts: ReportCounts): void {
  for (const { status, fullName, failureMessages = [] } of file.assertionResults) {
    const told = { name: fullName, message: firstLines(failureMessages[0]) };
    if (status === 'failed') counts.failures.push(told);
    else if (status !== 'passed') counts.skipped += 1;
    else counts.passed += 1;
    if (status === 'passed' && failureMessages.length > 0) counts.retried.push(told);
  }
  const hasFailure = file.assertionResults.some(({ status }) => status === 'failed');
  const told = { name: file.name, message: firstLines(file.message) };
  if (file.status === 'failed' && !hasFailure) counts.failures.push(told);
  if (file.status === 'passed' && told.message !== '') counts.retried.push(told);
}

function firstLines(text = ''): string {
  const lines = stripVTControlCharacters(text).trim().split('\n').slice(0, MESSAGE_LINES);
  return lines.join('\n').slice(0, MESSAGE_LENGTH);
}

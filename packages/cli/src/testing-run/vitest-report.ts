/** The parts of vitest's JSON report that are used (its format is Jest's). */
export interface VitestReport {
  success: boolean;
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

export interface ReportCounts {
  passed: number;
  failed: number;
  skipped: number;
  /** Names of what failed. */
  failures: string[];
}

/**
 * Counts tests. A file that could not be loaded counts as one failure, and so does a run that failed without saying
 * where (an error outside any test).
 */
export function countTests(report: VitestReport | undefined, exitCode: number): ReportCounts {
  const counts: ReportCounts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const file of report?.testResults ?? []) {
    for (const { status, fullName } of file.assertionResults) {
      if (status === 'passed') counts.passed += 1;
      else if (status === 'failed') counts.failures.push(fullName);
      else counts.skipped += 1;
    }
    const hasFailure = file.assertionResults.some(({ status }) => status === 'failed');
    if (file.status === 'failed' && !hasFailure) counts.failures.push(file.name);
  }
  if (counts.failures.length === 0 && (exitCode !== 0 || report?.success !== true)) {
    counts.failures.push(report ? `the run ended with exit code ${exitCode}` : 'the run left no report');
  }
  counts.failed = counts.failures.length;
  return counts;
}

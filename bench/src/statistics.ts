/** Summary of measured times, ms. */
export interface Summary {
  count: number;
  median: number;
  p95: number;
  p99: number;
  min: number;
  max: number;
}

/** @throws RangeError without values. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('Nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    median: round(quantile(sorted, 0.5)),
    p95: round(quantile(sorted, 0.95)),
    p99: round(quantile(sorted, 0.99)),
    min: round(quantile(sorted, 0)),
    max: round(quantile(sorted, 1)),
  };
}

/** Linear between the two nearest values (Hyndman and Fan, type 7). */
function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const lower = sorted[Math.floor(position)] ?? Number.NaN;
  const upper = sorted[Math.ceil(position)] ?? Number.NaN;
  return lower + (upper - lower) * (position - Math.floor(position));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Summaries by the name of the measured step; runs may lack a step. */
export function summarizeSteps(runs: readonly Record<string, number>[]): Record<string, Summary> {
  const names = new Set(runs.flatMap((run) => Object.keys(run)));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      summarize(runs.flatMap((run) => (run[name] === undefined ? [] : [run[name]]))),
    ]),
  );
}

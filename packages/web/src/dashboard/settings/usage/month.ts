/** A calendar month in UTC, as usage is asked for. */
export interface Month {
  /** First and last day, such as `2026-04-01`. */
  from: string;
  to: string;
  /** For people: `April 2026`. */
  label: string;
}

/** @param back how many months before the present one. */
export function monthBefore(now: number, back: number): Month {
  const date = new Date(now);
  const first = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() - back, 1));
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0));
  const day = (time: Date): string => time.toISOString().slice(0, 10);
  const label = first.toLocaleDateString('en', { month: 'long', year: 'numeric', timeZone: 'UTC' });
  return { from: day(first), to: day(last), label };
}

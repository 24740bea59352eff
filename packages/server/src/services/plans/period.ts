/** The calendar month in UTC a moment lies in, epoch ms; `end` is the first moment of the next one. */
export function monthOf(now: number): { start: number; end: number } {
  const date = new Date(now);
  const month = (offset: number) => Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1);
  return { start: month(0), end: month(1) };
}

import { expect, it } from 'vitest';
import { monthBefore } from './month.ts';

it('names the days of a month in UTC, over ends of years and leap days', () => {
  const now = Date.UTC(2028, 2, 31, 23, 59);
  expect(monthBefore(now, 0)).toEqual({ from: '2028-03-01', to: '2028-03-31', label: 'March 2028' });
  expect(monthBefore(now, 1)).toEqual({ from: '2028-02-01', to: '2028-02-29', label: 'February 2028' });
  expect(monthBefore(now, 3)).toEqual({ from: '2027-12-01', to: '2027-12-31', label: 'December 2027' });
});

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ImageProgress, parseProgressLine, ProgressReporter } from './progress.ts';

describe('parseProgressLine', () => {
  it.each([
    ['say:setting up', { message: 'setting up' }],
    ['dlstatus:1:33.3333:Retrieving file 3 of 9', { message: 'retrieving file 3 of 9', fraction: 0.333333 }],
    ['pmstatus:chromium:45.5:Unpacking chromium', { message: 'unpacking chromium', fraction: 0.455 }],
    ['pmstatus:libc6:amd64:50:Installed libc6', { message: 'installed libc6', fraction: 0.5 }],
    ['pmstatus:x:250:Installed x', { message: 'installed x', fraction: 1 }],
  ])('reads %s', (line, step) => {
    const parsed = parseProgressLine(line);
    expect(parsed?.message).toBe(step.message);
    if ('fraction' in step) expect(parsed?.fraction).toBeCloseTo(step.fraction, 5);
    else expect(parsed?.fraction).toBeUndefined();
  });

  it.each(['', 'noise', 'pmerror:x:1:broken', 'dlstatus:1:many:x', 'pmstatus:x:10:'])(
    'leaves out %j',
    (line) => {
      expect(parseProgressLine(line)).toBeUndefined();
    },
  );
});

describe('ProgressReporter', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('repeats the last step each second until it is disposed of', () => {
    const events: ImageProgress[] = [];
    const reporter = new ProgressReporter('base', (event) => events.push(event));
    vi.advanceTimersByTime(2000);
    expect(events).toEqual([]);
    reporter.report({ message: 'unpacking', fraction: 0.5 });
    vi.advanceTimersByTime(3000);
    expect(events).toHaveLength(4);
    expect(events.at(-1)).toMatchObject({ stage: 'base', message: 'unpacking', fraction: 0.5 });
    reporter[Symbol.dispose]();
    vi.advanceTimersByTime(5000);
    expect(events).toHaveLength(4);
  });
});

import { describe, expect, test } from 'vitest';
import { budgetLeft, chargeTo, mayBeNew, problemOfTask, type ChargedTask } from './charge-to.ts';

function task(id: string, more: Partial<ChargedTask> = {}): ChargedTask {
  return {
    id,
    session_id: `ses_${id}`,
    status: 'running',
    budget: null,
    finished_at: null,
    spent_requests: 0,
    spent_tokens: 0,
    spent_cost_usd: 0,
    spent_unpriced: 0,
    ...more,
  };
}

const ids = (tasks: ChargedTask[]): string[] => tasks.map(({ id }) => id);

describe('whom a call is charged to', () => {
  const done = task('done', { status: 'completed', finished_at: 1, budget: { requests: 3 } });
  const first = task('first');
  const second = task('second');
  const queued = task('queued', { status: 'queued', session_id: null });

  test.each([
    ['the task of its session', [done, first, second], ['ses_second'], ['second']],
    ['the task whose agent started the subagent', [first, second], ['ses_sub', 'ses_first'], ['first']],
    [
      'the running one of a session',
      [first, task('next', { status: 'queued', session_id: 'ses_first' })],
      ['ses_first'],
      ['first'],
    ],
    ['all that run, without a session', [done, first, second, queued], [], ['first', 'second']],
    ['all that run, of an unknown session', [first, second], ['ses_forged'], ['first', 'second']],
    ['one that its row does not call begun', [done, queued], ['ses_new'], ['queued']],
    ['the last one, once nothing runs', [done], [], ['done']],
    ['the last one, by a program while others only wait', [done, queued], [], ['done']],
    ['nobody, where the last one had no budget', [{ ...done, budget: null }], [], []],
  ])('%s', (_what, tasks, sessions, charged) => {
    expect(ids(chargeTo(tasks, sessions))).toEqual(charged);
  });

  test('a session may be new while a task names none', () => {
    expect(mayBeNew([first, queued], ['ses_new'])).toBe(true);
    expect(mayBeNew([first, queued], ['ses_first'])).toBe(false);
    expect(mayBeNew([first, queued], [])).toBe(false);
    expect(mayBeNew([first], ['ses_new'])).toBe(false);
  });
});

test.each<[Partial<ChargedTask>, string | null]>([
  [{ spent_requests: 1000 }, null],
  [{ budget: { requests: 3 }, spent_requests: 2 }, null],
  [{ budget: { requests: 3 }, spent_requests: 3 }, 'BUDGET_EXCEEDED: the task used 3 model requests'],
  [{ budget: { tokens: 100 }, spent_tokens: 99 }, null],
  [{ budget: { tokens: 100 }, spent_tokens: 140 }, '140 of 100 tokens'],
  [{ budget: { costUsd: 0.5 }, spent_cost_usd: 0.5 }, '$0.500000 of $0.5'],
  [{ budget: { costUsd: 0.5 }, spent_unpriced: 1 }, 'COST_UNKNOWN: '],
  [{ budget: { tokens: 100 }, spent_unpriced: 1 }, null],
])('a task with %j', (more, problem) => {
  if (problem === null) expect(problemOfTask(task('one', more))).toBeNull();
  else expect(problemOfTask(task('one', more))).toContain(problem);
});

test('a task that goes on for another has what that one left', () => {
  const spent = { spent_requests: 4, spent_tokens: 900, spent_cost_usd: 0.25 };
  expect(budgetLeft(spent, { requests: 10, costUsd: 1 })).toEqual({ requests: 6, costUsd: 0.75 });
  expect(budgetLeft(spent, { requests: 3, tokens: 500 })).toEqual({ requests: 1, tokens: 1 });
  expect(budgetLeft(spent, {})).toEqual({});
});

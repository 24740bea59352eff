import { expect, test } from 'vitest';
import { problemOfDay, type DailyBudget } from './daily-budget.ts';

const used = { requests: 10, tokens: 500, costUsd: 1.5, seconds: 60 };
const none = { requests: undefined, tokens: undefined, costUsd: undefined, seconds: undefined };

test.each<[Partial<DailyBudget>, string | null]>([
  [{ requests: 11, tokens: 501, costUsd: 1.6, seconds: 61 }, null],
  [{ requests: 10 }, '10 model requests'],
  [{ tokens: 500 }, 'BANATA_MODEL_DAILY_TOKENS'],
  [{ costUsd: 1.5 }, 'BUDGET_EXCEEDED: this organization used models for $1.5000 today'],
  [{ requests: 11, seconds: 59 }, 'BANATA_MODEL_DAILY_SECONDS'],
])('%j', async (budget, problem) => {
  const found = await problemOfDay({ ...none, ...budget }, () => Promise.resolve(used));
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});

test('asks nobody where nothing is bounded', async () => {
  const asked = (): never => {
    throw new Error('asked');
  };
  expect(await problemOfDay(none, asked)).toBeNull();
});

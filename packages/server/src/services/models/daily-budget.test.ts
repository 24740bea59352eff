import { expect, test } from 'vitest';
import { problemOfDay } from './daily-budget.ts';

const used = { requests: 10, tokens: 500 };

test.each([
  [{ requests: 11, tokens: 501 }, null],
  [{ requests: 10, tokens: undefined }, '10 model requests'],
  [{ requests: undefined, tokens: 500 }, 'BANATA_MODEL_DAILY_TOKENS'],
])('%j', async (budget, problem) => {
  const found = await problemOfDay(budget, () => Promise.resolve(used));
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});

test('asks nobody where nothing is bounded', async () => {
  const asked = (): never => {
    throw new Error('asked');
  };
  expect(await problemOfDay({ requests: undefined, tokens: undefined }, asked)).toBeNull();
});

import { expect, test } from 'vitest';
import { problemOfBudget } from './budget.ts';
import { NO_USAGE } from './task-record.ts';

const used = { ...NO_USAGE, inputTokens: 900, outputTokens: 101, modelCalls: 3 };

test.each([
  [null, 500, null],
  [{}, 500, null],
  [{ requests: 3, tokens: 1001 }, 3, null],
  [{ tokens: 1000 }, 1, 'used 1001 tokens, more than its budget of 1000'],
  [{ requests: 3 }, 4, 'more model requests than its budget of 3'],
  [{ requests: 2 }, 1, 'more model requests than its budget of 2'],
])('%j with %d requests begun', (budget, begun, problem) => {
  const found = problemOfBudget(budget, begun, used);
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});

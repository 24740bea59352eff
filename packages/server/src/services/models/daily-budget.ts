/** What an organization's models may use in a day; undefined: no bound. */
export interface DailyBudget {
  requests: number | undefined;
  tokens: number | undefined;
}

/**
 * Why an organization may call no model any more today, fit to be shown to its sandboxes; null while it may. The first
 * word is the error code that the task gets.
 */
export async function problemOfDay(
  budget: DailyBudget,
  used: () => Promise<{ requests: number; tokens: number }>,
): Promise<string | null> {
  const { requests = Infinity, tokens = Infinity } = budget;
  if (requests === Infinity && tokens === Infinity) return null;
  const today = await used();
  if (today.requests >= requests) return overText(`${today.requests} model requests`, 'REQUESTS');
  return today.tokens >= tokens ? overText(`${today.tokens} model tokens`, 'TOKENS') : null;
}

function overText(used: string, setting: string): string {
  return `BUDGET_EXCEEDED: this organization used ${used} today, all that BANATA_MODEL_DAILY_${setting} of this server allows. Try again after midnight UTC, or ask the operator for more.`;
}

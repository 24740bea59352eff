/** What an organization's models may use in a day; undefined: no bound. */
export interface DailyBudget {
  requests: number | undefined;
  tokens: number | undefined;
  /** US dollars. */
  costUsd: number | undefined;
  /** Time that model calls take, added up. */
  seconds: number | undefined;
}

/** What it used. */
export type DailyUse = Record<keyof DailyBudget, number>;

const BOUNDS: readonly { name: keyof DailyBudget; setting: string; words: (used: number) => string }[] = [
  { name: 'requests', setting: 'REQUESTS', words: (used) => `${used} model requests` },
  { name: 'tokens', setting: 'TOKENS', words: (used) => `${used} model tokens` },
  { name: 'costUsd', setting: 'COST_USD', words: (used) => `models for $${used.toFixed(4)}` },
  { name: 'seconds', setting: 'SECONDS', words: (used) => `models for ${Math.round(used)} s` },
];

/**
 * Why an organization may call no model any more today, fit to be shown to its sandboxes; null while it may. The first
 * word is the error code that the task gets.
 */
export async function problemOfDay(
  budget: DailyBudget,
  used: () => Promise<DailyUse>,
): Promise<string | null> {
  const bounds = BOUNDS.filter(({ name }) => budget[name] !== undefined);
  if (bounds.length === 0) return null;
  const today = await used();
  const over = bounds.find(({ name }) => today[name] >= (budget[name] ?? Infinity));
  if (over === undefined) return null;
  return `BUDGET_EXCEEDED: this organization used ${over.words(today[over.name])} today, all that BANATA_MODEL_DAILY_${over.setting} of this server allows. Try again after midnight UTC, or ask the operator for more.`;
}

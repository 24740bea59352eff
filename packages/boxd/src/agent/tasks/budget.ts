import type { BoxTaskRequest, TaskUsage } from '@banata/protocol/box';

/**
 * What a task used beyond its budget, in words; null while it keeps to it.
 * @param begun requests of the turn that runs, those without an answer so far included.
 * @param used of all turns of the task, the one that runs included.
 */
export function problemOfBudget(
  budget: BoxTaskRequest['budget'],
  begun: number,
  used: TaskUsage,
): string | null {
  const { requests = Infinity, tokens = Infinity } = budget ?? {};
  const usedTokens = used.inputTokens + used.outputTokens;
  if (usedTokens > tokens) {
    return `the task used ${usedTokens} tokens, more than its budget of ${tokens}, and was ended; give it a smaller goal or a larger budget`;
  }
  if (Math.max(begun, used.modelCalls) <= requests) return null;
  return `the task made more model requests than its budget of ${requests} and was ended; give it a smaller goal or a larger budget`;
}

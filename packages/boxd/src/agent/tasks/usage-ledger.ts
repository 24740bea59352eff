import type { TaskUsage } from '@banata/protocol/box';
import type { AssistantInfo } from '../opencode/schemas.ts';
import { NO_USAGE } from './task-record.ts';

/** Adds up what a turn used. A message is counted once, in its newest state, however often it is seen. */
export class UsageLedger {
  readonly #messages = new Map<string, AssistantInfo>();

  see(info: AssistantInfo): void {
    this.#messages.set(info.id, info);
  }

  /** Answers that were begun. */
  get begun(): number {
    return this.#messages.size;
  }

  total(): TaskUsage {
    let usage: TaskUsage = { ...NO_USAGE };
    for (const { tokens, cost, finish, modelID = 'unknown' } of this.#messages.values()) {
      const message = {
        // OpenCode takes what came from a provider's cache out of the input.
        inputTokens: tokens.input + tokens.cache.read + tokens.cache.write,
        outputTokens: tokens.output + tokens.reasoning,
        costUsd: cost,
        modelCalls: finish === undefined ? 0 : 1,
      };
      usage = addUsage(usage, { ...message, byModel: { [modelID]: message } });
    }
    return usage;
  }
}

type Amounts = Omit<TaskUsage, 'byModel'>;

/** What two turns used together. */
export function addUsage(one: TaskUsage, other: TaskUsage): TaskUsage {
  const byModel = { ...one.byModel };
  for (const [model, amounts] of Object.entries(other.byModel)) {
    const known = byModel[model];
    byModel[model] = known ? addAmounts(known, amounts) : amounts;
  }
  return { ...addAmounts(one, other), byModel };
}

function addAmounts(one: Amounts, other: Amounts): Amounts {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    costUsd: one.costUsd + other.costUsd,
    modelCalls: one.modelCalls + other.modelCalls,
  };
}

import type { TaskUsage } from '@banata/protocol/box';
import type { AssistantInfo } from '../opencode/schemas.ts';

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
    const usage = { inputTokens: 0, outputTokens: 0, costUsd: 0, modelCalls: 0 };
    for (const { tokens, cost, finish } of this.#messages.values()) {
      // OpenCode takes what came from a provider's cache out of the input.
      usage.inputTokens += tokens.input + tokens.cache.read + tokens.cache.write;
      usage.outputTokens += tokens.output + tokens.reasoning;
      usage.costUsd += cost;
      if (finish !== undefined) usage.modelCalls += 1;
    }
    return usage;
  }
}

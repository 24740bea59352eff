import type { BoxModel } from '@banata/protocol/box';

/** What OpenCode must know of a model it has no built-in entry for. */
export interface ModelTraits {
  contextTokens: number;
  outputTokens: number;
  /** Whether pictures may be sent to it. */
  takesImages: boolean;
}

/** Below the context of every current model with tool use, so OpenCode compacts the history before the provider refuses it. */
const CONTEXT_TOKENS = 128_000;
/** Enough for a long file in one tool call, and under the maximum that common providers accept. */
const OUTPUT_TOKENS = 16_384;

/** Families that take pictures. For others a screenshot would make the provider refuse the whole conversation. */
const TAKES_IMAGES = /claude|gemini|gpt-(?:4o|4\.1|5)|\bo[34]\b|pixtral|qwen[\w.-]*-vl|llama-4|grok-4/i;

/** What is assumed of a model that nobody has described. */
export function modelTraits(modelId: string): ModelTraits {
  return {
    contextTokens: CONTEXT_TOKENS,
    outputTokens: OUTPUT_TOKENS,
    takesImages: TAKES_IMAGES.test(modelId),
  };
}

/** OpenAI's reasoning models: their chat-completions API refuses the `max_tokens` that compatible clients send. */
const OPENAI_REASONING = /^(?:o[1-9](?:$|-)|gpt-[5-9]|codex)/i;

/** How one provider is declared to OpenCode. */
export interface ProviderChoice {
  /** Provider id in OpenCode's configuration. */
  id: string;
  /** AI SDK package; all of these are bundled in the OpenCode binary. */
  npm: string;
}

/**
 * The provider package for a wire format. `openai` is spoken by many servers, and most of them offer chat
 * completions only, so that is the rule; models that OpenAI itself names as reasoning models go through the
 * Responses API. The id `openai` is avoided for chat completions: OpenCode forces the Responses API for it.
 */
export function providerFor(model: BoxModel): ProviderChoice {
  switch (model.provider) {
    case 'openrouter':
      return { id: 'openrouter', npm: '@openrouter/ai-sdk-provider' };
    case 'anthropic':
      return { id: 'anthropic', npm: '@ai-sdk/anthropic' };
    case 'openai':
      return [model.model, model.smallModel].some((id) => OPENAI_REASONING.test(id))
        ? { id: 'openai', npm: '@ai-sdk/openai' }
        : { id: 'openai-compatible', npm: '@ai-sdk/openai-compatible' };
  }
}

import type { ModelKey } from '@banata-boxes/sdk';

/** Providers as people call them. */
export const PROVIDER_NAMES: Readonly<Record<ModelKey['provider'], string>> = {
  openrouter: 'OpenRouter',
  openai: 'OpenAI, or a compatible server',
  anthropic: 'Anthropic',
};

import type { ModelProvider } from './model-access.ts';

/** The variables of one provider, and what stands where its real values are swapped out. */
export interface ProviderVariables {
  provider: ModelProvider;
  /** Real key. In the sandbox: the sandbox's gateway token. */
  apiKey: string;
  /** Real base URL. In the sandbox: the gateway's. */
  baseUrl: string;
  /** Model ids stay as they are. */
  model: string;
  smallModel: string;
  /**
   * Where calls go when no base URL is given. Source: the API references of OpenRouter (openrouter.ai/docs),
   * OpenAI (platform.openai.com/docs) and Anthropic (docs.anthropic.com).
   */
  defaultBaseUrl: string;
  /** Path of the provider at the gateway, as its own SDKs expect `baseUrl` to end. */
  gatewayPath: string;
  /** The same for the agent in the sandbox, whose SDK for Anthropic wants the version in the base URL. */
  agentPath: string;
}

/**
 * All variables whose values are swapped in a sandbox, in the order in which a provider is chosen for the agent.
 * Every other variable reaches the sandbox as it is.
 */
export const MODEL_VARIABLES: readonly ProviderVariables[] = [
  {
    provider: 'openrouter',
    apiKey: 'OPENROUTER_API_KEY',
    baseUrl: 'OPENROUTER_BASE_URL',
    model: 'OPENROUTER_MODEL',
    smallModel: 'OPENROUTER_SMALL_MODEL',
    defaultBaseUrl: 'https://openrouter.ai/api/v1',
    gatewayPath: '/model/openrouter/api/v1',
    agentPath: '/model/openrouter/api/v1',
  },
  {
    provider: 'openai',
    apiKey: 'OPENAI_API_KEY',
    baseUrl: 'OPENAI_BASE_URL',
    model: 'OPENAI_MODEL',
    smallModel: 'OPENAI_SMALL_MODEL',
    defaultBaseUrl: 'https://api.openai.com/v1',
    gatewayPath: '/model/openai/v1',
    agentPath: '/model/openai/v1',
  },
  {
    provider: 'anthropic',
    apiKey: 'ANTHROPIC_API_KEY',
    baseUrl: 'ANTHROPIC_BASE_URL',
    model: 'ANTHROPIC_MODEL',
    smallModel: 'ANTHROPIC_SMALL_MODEL',
    defaultBaseUrl: 'https://api.anthropic.com/v1',
    gatewayPath: '/model/anthropic',
    agentPath: '/model/anthropic/v1',
  },
];

/** Chooses the demo model when its value is `demo`. */
export const DEMO_VARIABLE = 'BANATA_MODEL';

/** Id of the demo model, which is no model but a fixed script. */
export const DEMO_MODEL_ID = 'banata-demo';

/** The variables of a provider. */
export function variablesOf(provider: ModelProvider): ProviderVariables {
  const found = MODEL_VARIABLES.find((item) => item.provider === provider);
  if (found === undefined) throw new Error(`no variables are listed for provider ${provider}`);
  return found;
}

import type { BoxModel } from '@banata/protocol/box';
import type { ModelAccess } from './model-access.ts';
import { variablesOf } from './model-variables.ts';

/**
 * What the agent in the box is told of its model: the gateway's URL and token, never the provider's.
 * @param at `origin` of the boxes' listener and the sandbox's `token` at the gateway.
 * @param models further models that prompts may choose.
 */
export function boxModel(
  access: ModelAccess,
  at: { origin: string; token: string },
  models: string[] = [],
): BoxModel {
  return {
    provider: access.provider,
    baseUrl: `${at.origin}${variablesOf(access.provider).agentPath}`,
    apiKey: at.token,
    model: access.model,
    smallModel: access.smallModel,
    models,
  };
}

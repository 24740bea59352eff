import type { CreateOptions } from '@banata-boxes/sdk';

export interface Choices {
  browser: boolean;
  agent: boolean;
  /** Let the agent talk to the script that ships with the server instead of a model. */
  demoModel: boolean;
  env: Record<string, string>;
}

/** The request for a sandbox from what was ticked. */
export function createOptions({ browser, agent, demoModel, env }: Choices): CreateOptions {
  const demo: Record<string, string> = agent && demoModel ? { BANATA_MODEL: 'demo' } : {};
  return {
    capabilities: {
      // Who makes one here sits before it.
      ...(browser ? { browser: { humanInLoop: true } } : {}),
      ...(agent ? { agent: { enabled: true } } : {}),
    },
    env: { ...env, ...demo },
  };
}

import { BanataSandbox } from '@banata-boxes/sdk';
import { CliError } from './cli-error.ts';
import type { CliContext } from './context.ts';
import { findServer, localUrl, readApiKey, type ServerInfo } from './server/server-info.ts';

/** SDK client for the running server of this installation. @throws CliError when none runs. */
export async function connect(context: CliContext): Promise<BanataSandbox> {
  const server = await findServer(context.config);
  if (!server) {
    throw new CliError(`No server runs for ${context.config.home}`, 'Start it with ./banata up --detach.');
  }
  return clientFor(context, server);
}

export async function clientFor(context: CliContext, server: ServerInfo): Promise<BanataSandbox> {
  return new BanataSandbox({
    apiKey: await readApiKey(context.config),
    baseUrl: localUrl(context.config, server),
  });
}

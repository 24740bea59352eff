import { BoxError } from '../http/route.ts';
import { SecretVault } from './forms/secret-vault.ts';
import type { BrowserService } from '../services.ts';

/** The browser of a sandbox that has it in another box, as the agent uses it. The server waits until it is ready. */
export function pairedBrowser(cdpUrl: string): BrowserService {
  const elsewhere = (): never => {
    throw new Error('The browser of this sandbox is in another box.');
  };
  return {
    prepare: elsewhere,
    start: elsewhere,
    live: () =>
      Promise.reject(
        new BoxError(
          409,
          'BROWSER_ELSEWHERE',
          'Steps are recorded and replayed in a browser of the sandbox itself; this one is in another box.',
        ),
      ),
    state: () =>
      Promise.resolve({ state: 'ready', reason: null, viewport: null, url: null, title: null, clients: 0 }),
    whenReady: () => Promise.resolve(),
    agentEndpoint: () => cdpUrl,
    ownPorts: () => [],
    // Nothing is entered in it through this box.
    secrets: new SecretVault(),
    stop: () => Promise.resolve(),
  };
}

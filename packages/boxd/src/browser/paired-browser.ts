import type { BrowserService } from '../services.ts';

/** The browser of a sandbox that has it in another box, as the agent uses it. The server waits until it is ready. */
export function pairedBrowser(cdpUrl: string): BrowserService {
  return {
    start: () => {
      throw new Error('The browser of this sandbox is in another box.');
    },
    state: () =>
      Promise.resolve({ state: 'ready', reason: null, viewport: null, url: null, title: null, clients: 0 }),
    whenReady: () => Promise.resolve(),
    agentEndpoint: () => cdpUrl,
    ownPorts: () => [],
    stop: () => Promise.resolve(),
  };
}

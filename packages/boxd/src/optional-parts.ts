import type { BoxBoot, BoxConfig } from '@banata/protocol/box';
import type { BoxRoute, BoxUpgrade } from './http/route.ts';
import { pairedBrowser } from './browser/paired-browser.ts';
import type { LazyPart } from './http/router.ts';
import { PROXY_PORT, PROXY_SERVER } from './proxy/proxy-environment.ts';
import type { ProxyForwarder } from './proxy/proxy-forwarder.ts';
import type { AgentService, BoxEnvironment, BoxLogger, BrowserService, EventSink } from './services.ts';

export interface OptionalPartsOptions {
  environment: BoxEnvironment;
  events: EventSink;
  logger: BoxLogger;
  /** Environment of the commands of `user`. */
  runCommandEnv: () => Record<string, string>;
}

interface WithRoutes {
  routes: BoxRoute[];
  upgrades: BoxUpgrade[];
}

/** Browser and agent: their code is loaded when they are first used, so that a box without them stays small. */
export class OptionalParts {
  readonly lazyParts: LazyPart[];
  readonly #options: OptionalPartsOptions;
  #paired: BrowserService | undefined;
  #proxy: ProxyForwarder | undefined;
  #browser: Promise<BrowserService & WithRoutes> | undefined;
  #agent: Promise<AgentService & WithRoutes> | undefined;

  constructor(options: OptionalPartsOptions) {
    this.#options = options;
    this.lazyParts = [
      { prefix: '/browser', load: () => this.#loadBrowser() },
      { prefix: '/agent', load: () => this.#loadAgent() },
    ];
  }

  /** Starts what the configuration to come will ask for. Nothing of it shows before. */
  async prepare(services: NonNullable<BoxBoot['prepare']>): Promise<void> {
    (await this.#loadBrowser()).prepare();
    if (services === 'agent') (await this.#loadAgent()).prepare();
  }

  /** Starts what the configuration asks for; returns when both are on their way. */
  async start(config: BoxConfig): Promise<void> {
    await this.#connect(config);
    const proxyServer = config.proxy && PROXY_SERVER;
    const [browser, agent] = await Promise.all([
      config.browser && this.#loadBrowser(),
      config.agent && this.#loadAgent(),
    ]);
    if (config.browser) browser?.start(config.browser, { proxyServer });
    if (config.agent) agent?.start(config.agent, config.env, config.documents ?? false);
    // What was prepared for nothing would only take memory.
    if (!config.agent) await (await this.#agent)?.stop();
    if (!config.browser && !config.agent) await (await this.#browser)?.stop();
  }

  /** The ways out of the box that browser and agent go. */
  async #connect({ proxy, pairedBrowser: paired }: BoxConfig): Promise<void> {
    if (proxy) await this.#startProxy(proxy.url);
    if (paired) this.#paired = pairedBrowser(paired.cdpUrl);
  }

  /** Ports of the loopback that browser and agent listen on. */
  async ownPorts(): Promise<number[]> {
    const parts = await Promise.all([this.#browser, this.#agent]);
    const proxy = this.#proxy ? [PROXY_PORT] : [];
    return [...proxy, ...parts.flatMap((part) => part?.ownPorts() ?? [])];
  }

  async stop(): Promise<void> {
    // The agent first: it uses the browser.
    await (await this.#agent)?.stop();
    await (await this.#browser)?.stop();
    await this.#proxy?.stop();
  }

  /** Also before the browser, which would take its absence for the network's. */
  async #startProxy(url: string): Promise<void> {
    if (this.#proxy) return;
    const { ProxyForwarder } = await import('./proxy/proxy-forwarder.ts');
    const proxy = new ProxyForwarder(url, { logger: this.#options.logger });
    await proxy.start();
    this.#proxy = proxy;
  }

  #loadBrowser(): Promise<BrowserService & WithRoutes> {
    const { environment, events, logger } = this.#options;
    this.#browser ??= import('./browser/service.ts').then(({ createBrowserService }) =>
      createBrowserService({ environment, events, logger }),
    );
    return this.#browser;
  }

  #loadAgent(): Promise<AgentService & WithRoutes> {
    const { environment, events, logger, runCommandEnv } = this.#options;
    this.#agent ??= Promise.all([import('./agent/service.ts'), this.#loadBrowser()]).then(
      ([{ createAgentService }, browser]) =>
        createAgentService({
          environment,
          events,
          logger,
          runCommandEnv,
          browser: () => this.#paired ?? browser,
        }),
    );
    return this.#agent;
  }
}

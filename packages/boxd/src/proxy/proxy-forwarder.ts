import { Agent } from 'node:https';
import { isIP } from 'node:net';
import { Server } from 'proxy-chain';
import type { BoxLogger } from '../services.ts';
import { PROXY_HOST, PROXY_PORT } from './proxy-environment.ts';

/**
 * An HTTP proxy on the loopback that passes everything on to the proxy of the sandbox's creator, and signs in there:
 * browser and commands use it without a password, which Chromium could not be given and which a list of processes or
 * an environment would show. It speaks http, https and socks5 to the other proxy, names included: none is looked up
 * here.
 */
export class ProxyForwarder {
  readonly #server: Server;
  readonly #logger: BoxLogger;

  /** @param upstream URL of the other proxy, with its credentials. */
  constructor(upstream: string, { logger, port = PROXY_PORT }: { logger: BoxLogger; port?: number }) {
    this.#logger = logger;
    const { hostname } = new URL(upstream);
    // Node takes the name in the Host header for that of the certificate, which in a tunnel is the site's.
    const httpsAgent = new Agent({ servername: isIP(hostname) === 0 ? hostname : '' });
    this.#server = new Server({
      host: PROXY_HOST,
      port,
      // With "socks5" the library would look some names up itself.
      prepareRequestFunction: () => ({
        upstreamProxyUrl: upstream.replace(/^socks5:/, 'socks5h:'),
        httpsAgent,
      }),
    });
  }

  /** Where it listens. */
  get port(): number {
    return this.#server.port;
  }

  /** @throws Error when the port is taken. */
  async start(): Promise<void> {
    await this.#server.listen();
    this.#logger.info('proxy.listening', { port: this.port });
  }

  async stop(): Promise<void> {
    await this.#server.close(true);
  }
}

import type { ServiceAddress } from '@banata/drivers';
import type { Config } from '@banata/config';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { getServers } from 'node:dns';
import { createServer, type Server } from 'node:http';
import type { Logger } from '../logger.ts';
import { createModelGateway } from '../services/models/gateway.ts';
import type { ModelAccounts } from '../services/models/model-accounts.ts';
import type { ModelKeys } from '../services/models/model-keys.ts';
import { resolveModelAccess } from '../services/models/resolve.ts';
import type { Egress } from '../services/network/egress.ts';
import type { OutboundGuard } from '../services/net/outbound-guard.ts';
import { hashToken, type Secrets } from '../services/secrets.ts';
import { problemOfDay } from '../services/models/daily-budget.ts';
import type { ModelUsageStore } from '../stores/model-usage-store.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import { DnsForwarder } from './dns.ts';
import { EgressProxy } from './egress/egress-proxy.ts';
import { createResolver } from './egress/resolver.ts';
import type { Boxes } from './boxes.ts';
import { HostPorts } from './host-ports.ts';
import { PairedBrowser } from './paired-browser.ts';

export interface BoxesListenerDeps {
  address: ServiceAddress;
  config: Pick<Config, 'hostPorts' | 'dns' | 'models'>;
  store: SandboxStore;
  boxes: Boxes;
  usage: ModelUsageStore;
  modelAccounts: ModelAccounts;
  modelKeys: Pick<ModelKeys, 'variablesOf'>;
  secrets: Secrets;
  guard: OutboundGuard;
  egress: Egress;
  logger: Logger;
}

/**
 * The server as boxes see it, on the service address that the driver made: the model gateway, the browser of a sandbox
 * that has one in another box, DNS, the way out for boxes under rules, and the host's ports the operator listed. Nothing of the API is here.
 */
export class BoxesListener {
  readonly #deps: BoxesListenerDeps;
  readonly #dns: DnsForwarder;
  readonly #proxy: EgressProxy;
  readonly #hostPorts = new HostPorts();
  #server: Server | undefined;

  constructor(deps: BoxesListenerDeps) {
    this.#deps = deps;
    const { address, config, egress, logger } = deps;
    const upstreams = config.dns.length > 0 ? config.dns : getServers();
    this.#dns = new DnsForwarder({
      ...egress,
      host: address.host,
      port: address.dnsPort,
      upstreams,
      logger,
    });
    this.#proxy = new EgressProxy({
      ...egress,
      host: address.host,
      port: address.proxyPort,
      egressAddress: address.egressAddress,
      resolve: createResolver(upstreams, Date.now),
    });
  }

  async start(): Promise<void> {
    const { address, config } = this.#deps;
    const app = new Hono().route('/model', this.#modelGateway());
    const listen = getRequestListener(app.fetch);
    const server = createServer((request, response) => void listen(request, response));
    server.headersTimeout = 10_000;
    const pairedBrowser = new PairedBrowser(this.#deps);
    server.on('upgrade', (...upgrade) => pairedBrowser.upgrade(...upgrade));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address.port, address.host, resolve);
    });
    this.#server = server;
    await this.#dns.start();
    await this.#proxy.start();
    await this.#hostPorts.start(address.host, config.hostPorts);
  }

  async close(): Promise<void> {
    await this.#hostPorts.close();
    await this.#proxy.close();
    await this.#dns.close();
    const server = this.#server;
    if (!server) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  #modelGateway(): Hono {
    const { store, usage, modelAccounts: accounts, modelKeys, secrets, guard, config, logger } = this.#deps;
    return createModelGateway({
      guard,
      logger,
      lookup: async (token) => {
        const row = await store.findByModelToken(hashToken(token));
        if (!row) return undefined;
        const env = JSON.parse(secrets.open(row.env_sealed, row.id)) as Record<string, string>;
        const organization = await modelKeys.variablesOf(row.organization_id);
        const { credentials } = resolveModelAccess({
          env,
          organization,
          server: config.models.variables,
        });
        const today = () => usage.today(row.organization_id);
        return { sandboxId: row.id, credentials, problem: await problemOfDay(config.models.daily, today) };
      },
      admit: accounts.admit.bind(accounts),
      recordUsage: accounts.record.bind(accounts),
    });
  }
}

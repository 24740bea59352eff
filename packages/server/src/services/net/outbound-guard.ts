import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { isIP, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { OutboundBlockedError } from './outbound-blocked-error.ts';
import { specialAddress } from './address-class.ts';
import { usableAddresses } from './usable-addresses.ts';

/** Finds all addresses of a name; `dns.lookup` with `all: true`. */
type ResolveName = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface OutboundGuardOptions {
  /** `host:port` pairs the operator opens although they are private; an IPv6 host stands in brackets. */
  allowHosts: readonly string[];
  /** Name look-up, TCP and TLS together. Default: 10,000 ms. */
  connectTimeoutMs?: number;
  /** Default: the system's resolver. */
  resolve?: ResolveName;
  /** Addresses of this machine, which are refused too. Default: those of its network interfaces. */
  ownAddresses?: () => string[];
}

/** Dials for tenants, who name the address: only the public internet and what the operator opened. */
export interface OutboundGuard {
  /** For undici's `request` and `fetch`. Every connection it makes has passed the rules. */
  readonly dispatcher: Dispatcher;
  /**
   * Checks what can be told without a look-up, for an early answer. The dispatcher checks again as it connects.
   * @throws {OutboundBlockedError}
   */
  check(url: string): URL;
  /** Whether the operator opened the host and port of the URL. */
  opens(url: URL): boolean;
  /** Ends its connections. */
  close(): Promise<void>;
}

const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
}

function allowKey(entry: string): string {
  let url: URL;
  try {
    url = new URL(`tcp://${entry}`);
  } catch {
    throw new TypeError(`"${entry}" is not a host:port pair. Write it as in localhost:11434 or [::1]:8000.`);
  }
  if (url.port === '' || url.hostname === '' || url.host.toLowerCase() !== entry.toLowerCase()) {
    throw new TypeError(`"${entry}" is not a host:port pair. Write it as in localhost:11434 or [::1]:8000.`);
  }
  return `${bare(url.hostname)} ${url.port}`;
}

function systemResolve(hostname: string, callback: Parameters<ResolveName>[1]): void {
  dnsLookup(hostname, { all: true }, callback);
}

function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((items) => (items ?? []).map((item) => item.address));
}

function normalized(address: string): string {
  return new SocketAddress({ address, family: isIP(address) === 6 ? 'ipv6' : 'ipv4' }).address;
}

class Guard implements OutboundGuard {
  readonly dispatcher: Agent;
  readonly #allowed: ReadonlySet<string>;
  readonly #resolve: ResolveName;
  readonly #ownAddresses: () => string[];

  constructor(options: OutboundGuardOptions) {
    this.#allowed = new Set(options.allowHosts.map(allowKey));
    this.#resolve = options.resolve ?? systemResolve;
    this.#ownAddresses = options.ownAddresses ?? interfaceAddresses;
    const base = { timeout: options.connectTimeoutMs ?? 10_000, allowH2: false };
    const open = buildConnector(base);
    const guarded = buildConnector({
      ...base,
      lookup: (hostname, { all }, callback) => this.#lookup(hostname, all === true, callback),
    });
    this.dispatcher = new Agent({
      connect: (target, callback) => {
        const { hostname, port, protocol } = target;
        if (this.#isAllowed(hostname, port || DEFAULT_PORTS[protocol] || '')) return open(target, callback);
        const reason = this.#literalReason(hostname);
        if (reason !== null) return callback(new OutboundBlockedError(hostname, reason), null);
        return guarded(target, callback);
      },
      // Tenants choose the hosts, so idle connections must not pile up.
      keepAliveTimeout: 10_000,
      keepAliveMaxTimeout: 60_000,
    });
  }

  check(url: string): URL {
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new OutboundBlockedError(url, 'it is not a URL');
    }
    const port = DEFAULT_PORTS[parsed.protocol];
    if (port === undefined) {
      throw new OutboundBlockedError(parsed.host, `only http and https are dialled, not ${parsed.protocol}`);
    }
    if (parsed.username !== '' || parsed.password !== '') {
      throw new OutboundBlockedError(parsed.host, 'a URL with a user name or password in it is not used');
    }
    if (!this.#isAllowed(parsed.hostname, parsed.port || port)) {
      const reason = this.#literalReason(parsed.hostname);
      if (reason !== null) throw new OutboundBlockedError(parsed.host, reason);
    }
    return parsed;
  }

  opens({ hostname, port, protocol }: URL): boolean {
    return this.#isAllowed(hostname, port || DEFAULT_PORTS[protocol] || '');
  }

  async close(): Promise<void> {
    await this.dispatcher.destroy();
  }

  #isAllowed(hostname: string, port: string): boolean {
    return this.#allowed.has(`${bare(hostname)} ${port}`);
  }

  /** Node dials an IP address without asking for a look-up, so those are judged apart. */
  #literalReason(hostname: string): string | null {
    const address = bare(hostname);
    return isIP(address) === 0 ? null : this.#reason(address);
  }

  #reason(address: string): string | null {
    const special = specialAddress(address);
    if (special !== null) return `${address} is ${special}`;
    const wanted = normalized(address);
    const own = this.#ownAddresses().some((item) => isIP(item) !== 0 && normalized(item) === wanted);
    return own ? `${address} is an address of this machine` : null;
  }

  /** The socket dials exactly what this returns, so a name that changes its mind gains nothing. */
  #lookup(
    hostname: string,
    all: boolean,
    callback: (
      error: NodeJS.ErrnoException | null,
      address: string | LookupAddress[],
      family?: number,
    ) => void,
  ): void {
    this.#resolve(hostname, (error, addresses) => {
      if (error !== null) return callback(error, []);
      let good: ReturnType<typeof usableAddresses>;
      try {
        good = usableAddresses(hostname, addresses, (address) => this.#reason(address));
      } catch (blocked) {
        return callback(blocked as OutboundBlockedError, []);
      }
      return all ? callback(null, good) : callback(null, good[0].address, good[0].family);
    });
  }
}

/**
 * Makes the guard against server-side request forgery.
 * @throws {TypeError} when an entry of `allowHosts` is not a `host:port` pair.
 */
export function createOutboundGuard(options: OutboundGuardOptions): OutboundGuard {
  return new Guard(options);
}

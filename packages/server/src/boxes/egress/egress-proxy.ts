import { originalDestination } from '@banata/drivers';
import { Agent } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import type { BoxEgress, BoxEgresses } from '../../services/network/box-egress.ts';
import type { ConnectionLog, OpenConnection } from '../../services/network/connection-log.ts';
import type { Verdict } from '../../services/network/egress-policy.ts';
import { dial } from './dial.ts';
import { readOpening, classify } from './first-bytes.ts';
import { HttpEgress, type HttpClient } from './http-egress.ts';
import { judge, judgeRequest, type Destination, type Judgement } from './judge.ts';
import type { ResolveName } from './resolver.ts';

const MAX_CONNECTIONS = 8_192;
const MAX_CONNECTIONS_PER_BOX = 1_024;
/** A connection on which nothing moves for this long is given up. */
const IDLE_MS = 60 * 60_000;
const COUNT_MS = 2_000;
/** A fatal TLS alert, `access_denied` (RFC 8446, 6.2), so that programs name the cause. */
const TLS_ACCESS_DENIED = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x31]);

export interface EgressProxyDeps {
  /** Address and port to listen on. */
  host: string;
  port: number;
  /** Address to dial from. */
  egressAddress: string;
  boxes: BoxEgresses;
  connections: ConnectionLog;
  isReachable: (address: string) => boolean;
  resolve: ResolveName;
}

/** Addresses to dial and the rule that allows it. */
interface Way {
  addresses: string[];
  rule: string;
}

/** Where an HTTP request goes. */
export interface Route {
  address: string;
}

/**
 * Takes the TCP connections of boxes whose rules have names. The host redirects them here; while no server runs they
 * are refused. The name in the connection decides, and the address that is dialled is the name's own.
 */
export class EgressProxy {
  readonly #deps: EgressProxyDeps;
  readonly #http: HttpEgress;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #counted = new Map<OpenConnection, () => [number, number]>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: EgressProxyDeps) {
    this.#deps = deps;
    this.#http = new HttpEgress({
      route: (client, host) => this.#routeRequest(client, host),
      refuse: (client, host, rule) =>
        this.#noteRefusal(client.box, client.destination, { protocol: 'http', host, rule }),
    });
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#onConnection(socket),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  async start(): Promise<void> {
    const { host, port } = this.#deps;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, 1024, resolve);
    });
    this.#timer = setInterval(() => this.#count(), COUNT_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#http.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #onConnection(client: Socket): void {
    client.on('error', () => client.destroy());
    const box = this.#deps.boxes.of(client.remoteAddress);
    const destination = originalDestination(client);
    // A connection to the proxy itself has no other destination, and no business here.
    const isDirect = destination?.address === this.#deps.host;
    if (!box || !destination || isDirect || box.held.size >= MAX_CONNECTIONS_PER_BOX) {
      return void client.resetAndDestroy();
    }
    this.#sockets.add(client);
    client.once('close', () => this.#sockets.delete(client));
    client.setTimeout(IDLE_MS, () => client.destroy());
    void this.#serve(client, box, destination).catch(() => client.destroy());
  }

  async #serve(client: Socket, box: BoxEgress, destination: Destination): Promise<void> {
    const held = { socket: client, mayGoOn: () => true };
    box.held.add(held);
    client.once('close', () => box.held.delete(held));
    const { opening, head } = await readOpening(client);
    if (client.destroyed) return;
    const verdict = judge(box, opening, destination);
    const protocol = opening.kind === 'tls' || opening.kind === 'http' ? opening.kind : 'tcp';
    if (!verdict.allowed) {
      this.#noteRefusal(box, destination, { protocol, host: verdict.host, rule: verdict.rule });
      return this.#refuse(client, protocol);
    }
    // Requests are judged one by one, so a change of rules ends the connection, and the client begins another.
    held.mayGoOn = () => verdict.to !== 'http' && judge(box, opening, destination).allowed;
    if (verdict.to === 'http') return this.#serveHttp(client, head, { box, destination });
    const way = await this.#wayOf(box, verdict, destination);
    if ('allowed' in way) {
      this.#noteRefusal(box, destination, { protocol, host: verdict.host, rule: way.rule });
      return this.#refuse(client, protocol);
    }
    const isJudgedLater = opening.kind === 'silent';
    await this.#join(client, head, { box, destination, way, protocol, host: verdict.host, isJudgedLater });
  }

  /** The addresses of a judged connection, without those that no box may reach and those that are denied. */
  async #wayOf(
    box: BoxEgress,
    verdict: Exclude<Judgement, { allowed: false }>,
    destination: Destination,
  ): Promise<Way | Verdict> {
    const found = verdict.to === 'name' ? await this.#resolve(verdict.host) : [destination.address];
    if (found.length === 0) return { allowed: false, rule: 'its name has no address' };
    const reachable = found.filter((address) => this.#deps.isReachable(address));
    if (reachable.length === 0) return { allowed: false, rule: 'never reachable' };
    const addresses = reachable.filter((address) => box.policy.deniedBlock(address) === undefined);
    const denied = box.policy.deniedBlock(reachable[0] ?? '');
    if (addresses.length === 0) return { allowed: false, rule: denied ?? 'denied' };
    // The address that was dialled first, where it is one of them: the client may have chosen it for a reason.
    return { addresses: preferred(addresses, destination.address), rule: verdict.rule };
  }

  async #resolve(name: string): Promise<string[]> {
    try {
      return await this.#deps.resolve(name);
    } catch {
      return [];
    }
  }

  async #join(
    client: Socket,
    head: Buffer,
    connection: {
      box: BoxEgress;
      destination: Destination;
      way: Way;
      protocol: 'tls' | 'tcp' | 'http';
      host: string | null;
      /** The client has said nothing yet. */
      isJudgedLater: boolean;
    },
  ): Promise<void> {
    const { box, destination, way, protocol, host, isJudgedLater } = connection;
    const { egressAddress, connections } = this.#deps;
    const given = new AbortController();
    const giveUp = (): void => given.abort();
    client.once('close', giveUp);
    const upstream = await dial(way.addresses, destination.port, {
      from: egressAddress,
      signal: given.signal,
    }).catch(() => undefined);
    client.off('close', giveUp);
    const address = upstream?.remoteAddress ?? way.addresses[0] ?? null;
    const noted = connections.open(box.sandboxId, {
      protocol,
      host,
      address,
      port: destination.port,
      allowed: true,
      rule: way.rule,
    });
    if (!upstream || client.destroyed) {
      noted.close();
      upstream?.destroy();
      return void client.resetAndDestroy();
    }
    this.#track(client, upstream, noted);
    if (isJudgedLater) this.#judgeFirstWords(client, upstream, connection);
    if (head.length > 0) upstream.write(head);
    client.pipe(upstream);
    upstream.pipe(client);
  }

  /** A client that let the server speak first and then begins TLS or HTTP is judged by that after all. */
  #judgeFirstWords(
    client: Socket,
    upstream: Socket,
    { box, destination }: { box: BoxEgress; destination: Destination },
  ): void {
    client.once('data', (chunk: Buffer) => {
      const opening = classify(chunk);
      if (opening?.kind === 'other') return;
      // Before the bytes that are being handed out reach it.
      upstream.destroy();
      const rule = 'TLS or HTTP after a silence';
      this.#noteRefusal(box, destination, { protocol: 'tcp', host: null, rule });
      client.resetAndDestroy();
    });
  }

  #track(client: Socket, upstream: Socket, noted: OpenConnection): void {
    this.#sockets.add(upstream);
    upstream.setTimeout(IDLE_MS, () => upstream.destroy());
    upstream.on('error', () => client.resetAndDestroy());
    const read = (): [number, number] => [upstream.bytesWritten, upstream.bytesRead];
    this.#counted.set(noted, read);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => {
      client.destroy();
      this.#sockets.delete(upstream);
      this.#counted.delete(noted);
      noted.setBytes(...read());
      noted.close();
    });
  }

  #count(): void {
    for (const [noted, read] of this.#counted) noted.setBytes(...read());
  }

  #serveHttp(client: Socket, head: Buffer, place: { box: BoxEgress; destination: Destination }): void {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    client.once('close', () => agent.destroy());
    const { egressAddress, connections } = this.#deps;
    const { box, destination } = place;
    const httpClient: HttpClient = { ...place, agent };
    agent.createConnection = (options, done) => {
      const address = String(options.host);
      const way = this.#ways.get(httpClient)?.get(address);
      void dial([address], destination.port, {
        from: egressAddress,
        signal: AbortSignal.timeout(IDLE_MS),
      }).then(
        (upstream) => {
          const noted = connections.open(box.sandboxId, {
            protocol: 'http',
            host: way?.host ?? null,
            address,
            port: destination.port,
            allowed: true,
            rule: way?.rule ?? '',
          });
          this.#track(client, upstream, noted);
          done?.(null, upstream);
        },
        (error: Error) => done?.(error, undefined as never),
      );
      return undefined;
    };
    this.#http.serve(client, head, httpClient);
  }

  /** For the log: by which name and rule an HTTP client's address was reached. */
  readonly #ways = new WeakMap<HttpClient, Map<string, { host: string; rule: string }>>();

  async #routeRequest(client: HttpClient, host: string): Promise<Route | Verdict> {
    const { box, destination } = client;
    const judgement = judgeRequest(box.policy, host, destination);
    const way = judgement.allowed ? await this.#wayOf(box, judgement, destination) : judgement;
    if ('allowed' in way) {
      this.#noteRefusal(box, destination, { protocol: 'http', host, rule: way.rule });
      return { allowed: false, rule: way.rule };
    }
    const address = way.addresses[0] ?? destination.address;
    const ways = this.#ways.get(client) ?? new Map<string, { host: string; rule: string }>();
    ways.set(address, { host, rule: way.rule });
    this.#ways.set(client, ways);
    return { address };
  }

  #refuse(client: Socket, protocol: string): void {
    if (protocol !== 'tls') return void client.resetAndDestroy();
    client.end(TLS_ACCESS_DENIED);
    client.setTimeout(COUNT_MS, () => client.destroy());
    client.resume();
  }

  #noteRefusal(
    box: BoxEgress,
    { address, port }: Destination,
    { protocol, host, rule }: { protocol: 'tls' | 'tcp' | 'http'; host: string | null; rule: string },
  ): void {
    this.#deps.connections.open(box.sandboxId, { protocol, host, address, port, allowed: false, rule });
  }
}

function preferred(addresses: string[], first: string): string[] {
  return addresses.includes(first) ? [first, ...addresses.filter((address) => address !== first)] : addresses;
}

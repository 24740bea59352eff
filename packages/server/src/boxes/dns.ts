import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer, connect, type Server, type Socket as TcpSocket } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Logger } from '../logger.ts';

const QUERY_TIMEOUT_MS = 3_000;
const MAX_QUERIES = 512;
const MAX_TCP = 128;
const HEADER_BYTES = 12;
const SERVFAIL = 2;

export interface DnsOptions {
  /** Address and port to answer on. */
  host: string;
  port: number;
  /** Resolvers to ask, `address` or `address:port`, tried in order. */
  upstreams: string[];
  logger: Logger;
}

/** Address and port of a resolver as `dns.getServers()` writes them. */
export function parseUpstream(text: string): { address: string; port: number } {
  const bracketed = /^\[(.+)\]:(\d+)$/.exec(text);
  if (bracketed) return { address: bracketed[1] ?? '', port: Number(bracketed[2]) };
  if (isIPv6(text)) return { address: text, port: 53 };
  const [address = '', port = '53'] = text.split(':');
  return { address, port: Number(port) };
}

/**
 * Passes the boxes' DNS questions on to the host's resolvers, as they are, and answers SERVFAIL at once where none
 * answers: a name service that keeps silent makes programs hang.
 */
export class DnsForwarder {
  readonly #options: DnsOptions;
  readonly #upstreams: { address: string; port: number }[];
  #udp: Socket | undefined;
  #tcp: Server | undefined;
  #open = 0;
  readonly #connections = new Set<TcpSocket>();

  constructor(options: DnsOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams.map(parseUpstream);
  }

  async start(): Promise<void> {
    const { host, port, logger } = this.#options;
    const udp = createSocket('udp4');
    udp.on('message', (query, from) => void this.#answer(udp, query, from));
    udp.on('error', (error) => logger.warn({ event: 'dns.error', err: error }, 'DNS socket error'));
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind({ address: host, port, exclusive: true }, resolve);
    });
    this.#udp = udp;
    const tcp = createServer((client) => this.#relay(client));
    tcp.maxConnections = MAX_TCP;
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(port, host, resolve);
    });
    this.#tcp = tcp;
  }

  async close(): Promise<void> {
    this.#udp?.close();
    for (const connection of this.#connections) connection.destroy();
    await new Promise<void>((resolve) => (this.#tcp ? this.#tcp.close(() => resolve()) : resolve()));
  }

  async #answer(udp: Socket, query: Buffer, from: RemoteInfo): Promise<void> {
    if (query.length < HEADER_BYTES || this.#open >= MAX_QUERIES) return;
    this.#open += 1;
    try {
      const reply = await this.#ask(query);
      udp.send(reply, from.port, from.address, () => undefined);
    } finally {
      this.#open -= 1;
    }
  }

  async #ask(query: Buffer): Promise<Buffer> {
    for (const upstream of this.#upstreams) {
      const reply = await askOne(query, upstream);
      if (reply) return reply;
    }
    return failure(query);
  }

  #relay(client: TcpSocket): void {
    const upstream = this.#upstreams[0];
    if (!upstream) return void client.destroy();
    const server = connect({ host: upstream.address, port: upstream.port });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#connections.add(socket);
      socket.setTimeout(QUERY_TIMEOUT_MS, () => socket.destroy());
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#connections.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

/** One socket per question, so that the answer needs no matching and the port is as random as the system makes it. */
function askOne(
  query: Buffer,
  { address, port }: { address: string; port: number },
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const finish = (reply: Buffer | undefined) => {
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    const timer = setTimeout(() => finish(undefined), QUERY_TIMEOUT_MS);
    socket.once('error', () => finish(undefined));
    socket.on('message', (reply) => {
      if (reply.length >= HEADER_BYTES && reply.readUInt16BE(0) === query.readUInt16BE(0)) finish(reply);
    });
    // Connected, so that the kernel drops answers of anyone else.
    socket.connect(port, address, () => socket.send(query));
  });
}

/** The question back with the code SERVFAIL (RFC 1035, 4.1.1). */
function failure(query: Buffer): Buffer {
  const reply = Buffer.from(query);
  reply.writeUInt8(query.readUInt8(2) | 0x80, 2);
  reply.writeUInt8(0x80 | SERVFAIL, 3);
  return reply;
}

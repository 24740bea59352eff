import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { connect, createServer, isIPv6, type Server, type Socket as TcpSocket } from 'node:net';
import type { Logger } from '../logger.ts';
import type { BoxEgress, BoxEgresses } from '../services/network/box-egress.ts';
import type { ConnectionLog } from '../services/network/connection-log.ts';
import {
  DNS_CODES,
  DNS_HEADER_BYTES,
  DNS_TYPES,
  emptyReply,
  readAddresses,
  readQuestion,
  type DnsQuestion,
} from './dns-message.ts';

const QUERY_TIMEOUT_MS = 3_000;
const MAX_QUERIES = 512;
const MAX_QUERIES_PER_BOX = 96;
const MAX_TCP = 128;
const MAX_TCP_PER_BOX = 16;
const MAX_MESSAGE_BYTES = 65_535;
const DNS_PORT = 53;

export interface DnsOptions {
  /** Address and port to answer on. */
  host: string;
  port: number;
  /** Resolvers to ask, `address` or `address:port`, tried in order. */
  upstreams: string[];
  boxes: BoxEgresses;
  connections: ConnectionLog;
  /** Tells addresses that no box may reach. */
  isReachable: (address: string) => boolean;
  logger: Logger;
}

interface Upstream {
  address: string;
  port: number;
}

type Ask = (query: Buffer, upstream: Upstream) => Promise<Buffer | undefined>;

/** Address and port of a resolver as `dns.getServers()` writes them. */
export function parseUpstream(text: string): Upstream {
  const bracketed = /^\[(.+)\]:(\d+)$/.exec(text);
  if (bracketed) return { address: bracketed[1] ?? '', port: Number(bracketed[2]) };
  if (isIPv6(text)) return { address: text, port: DNS_PORT };
  const [address = '', port = String(DNS_PORT)] = text.split(':');
  return { address, port: Number(port) };
}

/**
 * The boxes' name service. Questions that a box's rules allow go on to the host's resolvers as they are; the others
 * leave the machine in no form, so that names cannot carry data out. Answers SERVFAIL at once where no resolver
 * answers: a name service that keeps silent makes programs hang.
 */
export class DnsForwarder {
  readonly #options: DnsOptions;
  readonly #upstreams: Upstream[];
  #udp: Socket | undefined;
  #tcp: Server | undefined;
  #open = 0;
  readonly #openOf = new Map<BoxEgress, number>();
  readonly #connections = new Map<TcpSocket, BoxEgress>();

  constructor(options: DnsOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams.map(parseUpstream);
  }

  async start(): Promise<void> {
    const { host, port, logger } = this.#options;
    const udp = createSocket('udp4');
    udp.on('message', (query, from) => {
      // A box may ask from port 0, to which nothing can be sent.
      this.#onMessage(udp, query, from).catch((error: unknown) =>
        logger.debug({ event: 'dns.unanswered', err: error }, 'DNS question not answered'),
      );
    });
    udp.on('error', (error) => logger.warn({ event: 'dns.error', err: error }, 'DNS socket error'));
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind({ address: host, port, exclusive: true }, resolve);
    });
    this.#udp = udp;
    const tcp = createServer((client) => this.#onConnection(client));
    tcp.maxConnections = MAX_TCP;
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(port, host, resolve);
    });
    this.#tcp = tcp;
  }

  async close(): Promise<void> {
    this.#udp?.close();
    for (const connection of this.#connections.keys()) connection.destroy();
    await new Promise<void>((resolve) => (this.#tcp ? this.#tcp.close(() => resolve()) : resolve()));
  }

  async #onMessage(udp: Socket, query: Buffer, from: RemoteInfo): Promise<void> {
    const box = this.#options.boxes.of(from.address);
    const reply = await this.#answer(query, box, askByUdp);
    if (reply) udp.send(reply, from.port, from.address, () => undefined);
  }

  #onConnection(client: TcpSocket): void {
    const box = this.#options.boxes.of(client.remoteAddress);
    const isFull = [...this.#connections.values()].filter((owner) => owner === box).length >= MAX_TCP_PER_BOX;
    client.on('error', () => client.destroy());
    if (!box || isFull) return void client.destroy();
    this.#connections.set(client, box);
    client.setTimeout(QUERY_TIMEOUT_MS, () => client.destroy());
    client.once('close', () => this.#connections.delete(client));
    void this.#serve(client, box).catch(() => client.destroy());
  }

  /** Answers the questions of a connection one after the other. */
  async #serve(client: TcpSocket, box: BoxEgress): Promise<void> {
    let waiting = Buffer.alloc(0);
    for await (const chunk of client as AsyncIterable<Buffer>) {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
        const query = waiting.subarray(2, 2 + waiting.readUInt16BE(0));
        waiting = waiting.subarray(2 + query.length);
        const reply = await this.#answer(query, box, askByTcp);
        if (!reply) return void client.destroy();
        client.write(framed(reply));
      }
      if (waiting.length > MAX_MESSAGE_BYTES + 2) return void client.destroy();
    }
  }

  async #answer(query: Buffer, box: BoxEgress | undefined, ask: Ask): Promise<Buffer | undefined> {
    if (query.length < DNS_HEADER_BYTES || this.#open >= MAX_QUERIES) return undefined;
    const question = readQuestion(query);
    if (!box || !question) return emptyReply(query, DNS_CODES.refused);
    const open = this.#openOf.get(box) ?? 0;
    if (open >= MAX_QUERIES_PER_BOX) return undefined;
    this.#open += 1;
    this.#openOf.set(box, open + 1);
    try {
      return await this.#resolve(query, question, { box, ask });
    } finally {
      this.#open -= 1;
      const left = (this.#openOf.get(box) ?? 1) - 1;
      if (left > 0) this.#openOf.set(box, left);
      else this.#openOf.delete(box);
    }
  }

  async #resolve(
    query: Buffer,
    question: DnsQuestion,
    { box, ask }: { box: BoxEgress; ask: Ask },
  ): Promise<Buffer> {
    const { policy } = box;
    const verdict = policy.judgeName(question.name);
    if (!verdict.allowed) {
      this.#log(box, { name: question.name, rule: verdict.rule });
      return emptyReply(query, DNS_CODES.refused);
    }
    // These records may carry keys that hide the server name of TLS, by which connections are judged.
    const hidesNames = question.type === DNS_TYPES.https || question.type === DNS_TYPES.svcb;
    if (policy.judgesNames && hidesNames) return emptyReply(query, DNS_CODES.noError);
    const reply = await this.#ask(query, ask);
    return question.type === DNS_TYPES.a && reply
      ? this.#learn(query, question, { box, reply })
      : (reply ?? failure(query));
  }

  /** Notes the addresses of an answer. An answer with an address that no box may reach is withheld under rules. */
  #learn(query: Buffer, { name }: DnsQuestion, { box, reply }: { box: BoxEgress; reply: Buffer }): Buffer {
    const found = readAddresses(reply);
    if (!found || readQuestion(reply)?.name !== name) return failure(query);
    const { addresses, ttlSeconds } = found;
    const good = addresses.filter((address) => this.#options.isReachable(address));
    if (box.policy.mode === 'rules' && good.length < addresses.length) {
      const [bad] = addresses.filter((address) => !good.includes(address));
      this.#log(box, { name, rule: 'never reachable', address: bad });
      return emptyReply(query, DNS_CODES.refused);
    }
    box.names.learn(name, good, ttlSeconds);
    return reply;
  }

  #log(
    box: BoxEgress,
    { name, rule, address }: { name: string; rule: string; address?: string | undefined },
  ): void {
    this.#options.connections.open(box.sandboxId, {
      protocol: 'dns',
      host: name,
      address: address ?? null,
      port: DNS_PORT,
      allowed: false,
      rule,
    });
  }

  async #ask(query: Buffer, ask: Ask): Promise<Buffer | undefined> {
    for (const upstream of this.#upstreams) {
      const reply = await ask(query, upstream);
      if (reply) return reply;
    }
    return undefined;
  }
}

function failure(query: Buffer): Buffer {
  return emptyReply(query, DNS_CODES.serverFailure);
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

function answers(reply: Buffer, query: Buffer): boolean {
  return reply.length >= DNS_HEADER_BYTES && reply.readUInt16BE(0) === query.readUInt16BE(0);
}

/** One socket per question, so that the answer needs no matching and the port is as random as the system makes it. */
function askByUdp(query: Buffer, { address, port }: Upstream): Promise<Buffer | undefined> {
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
      if (answers(reply, query)) finish(reply);
    });
    // Connected, so that the kernel drops answers of anyone else.
    socket.connect(port, address, () => socket.send(query));
  });
}

function askByTcp(query: Buffer, { address, port }: Upstream): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    let received = Buffer.alloc(0);
    const finish = (reply: Buffer | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    const timer = setTimeout(() => finish(undefined), QUERY_TIMEOUT_MS);
    socket.once('connect', () => socket.write(framed(query)));
    socket.on('error', () => finish(undefined)).on('close', () => finish(undefined));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const reply = received.subarray(2, 2 + received.readUInt16BE(0));
      finish(answers(reply, query) ? reply : undefined);
    });
  });
}

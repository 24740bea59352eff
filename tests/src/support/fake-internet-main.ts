import { createSocket } from 'node:dgram';
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, isIPv4, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { FakeInternetSettings, Visit } from './fake-internet.ts';

const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as FakeInternetSettings;
const asked = new Map<string, number>();
/** Header, the root's name, type and class. */
const MIN_QUESTION_BYTES = 17;
const CHUNK = Buffer.alloc(64 * 1024, 'x');

function note(visit: Visit): void {
  appendFileSync(settings.visits, `${JSON.stringify(visit)}\n`);
}

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}

/** Answers a question for an A record out of the zone; other types have no records, other names do not exist. */
function answerDns(query: Buffer, to: string): Buffer {
  let end = 12;
  const labels: string[] = [];
  while (query[end]) {
    const length = query[end] ?? 0;
    labels.push(query.toString('latin1', end + 1, end + 1 + length));
    end += length + 1;
  }
  const name = labels.join('.').toLowerCase();
  const type = query.readUInt16BE(end + 1);
  note({ kind: 'dns', to, port: 53, name });
  const lists = settings.zone[name];
  const turn = type === 1 ? (asked.get(name) ?? 0) : 0;
  if (type === 1) asked.set(name, turn + 1);
  const addresses = type === 1 ? (lists?.[Math.min(turn, lists.length - 1)] ?? []) : [];
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(lists ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt32BE(0, 8);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([header, query.subarray(12, end + 5), ...records]);
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://x');
  const serverName = (request.socket as Socket & { servername?: string | false }).servername;
  const to = plain(request.socket.localAddress);
  const port = request.socket.localPort ?? 0;
  const name = serverName || (request.headers.host ?? '');
  note({ kind: serverName === undefined ? 'http' : 'tls', to, port, name });
  const redirect = url.searchParams.get('to');
  if (url.pathname === '/redirect' && redirect !== null) {
    response.writeHead(302, { location: redirect }).end();
  } else if (url.pathname === '/bytes') {
    let left = Number(url.searchParams.get('n') ?? 0);
    response.writeHead(200, { 'content-length': left });
    const write = (): void => {
      while (left > 0) {
        const piece = CHUNK.subarray(0, Math.min(left, CHUNK.length));
        left -= piece.length;
        if (!response.write(piece)) return void response.once('drain', write);
      }
      response.end();
    };
    write();
  } else {
    response.setHeader('content-type', 'application/json');
    response.end(
      `${JSON.stringify({ reached: to, port, name, host: request.headers.host, url: request.url })}\n`,
    );
  }
}

function tcp(greeting: string): Server {
  return createTcpServer((socket) => {
    note({ kind: 'tcp', to: plain(socket.localAddress), port: socket.localPort ?? 0, name: '' });
    socket.on('error', () => socket.destroy());
    if (greeting !== '') socket.write(greeting);
    socket.pipe(socket);
  });
}

function dnsOverTcp(): Server {
  return createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data: Buffer) => {
      if (data.length < MIN_QUESTION_BYTES + 2) return void socket.destroy();
      const reply = answerDns(data.subarray(2), plain(socket.localAddress));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      socket.write(Buffer.concat([length, reply]));
    });
  });
}

/** A socket per address, so that answers come from the address that was asked. */
function udp(port: number, answer: (message: Buffer, to: string) => Buffer): void {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  for (const { address, scopeid } of addresses) {
    if (scopeid) continue;
    const socket = createSocket(isIPv4(address) ? 'udp4' : 'udp6');
    socket.on('message', (message, from) => socket.send(answer(message, address), from.port, from.address));
    socket.bind(port, address);
  }
}

function echo(port: number): void {
  udp(port, (message, to) => {
    note({ kind: 'udp', to, port, name: message.toString('latin1').trim() });
    return message;
  });
}

function upgrade(server: ReturnType<typeof createHttpServer>): typeof server {
  return server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
}

const tlsOptions = { key: readFileSync(settings.key), cert: readFileSync(settings.certificate) };
const servers: [Server, number][] = [
  [upgrade(createHttpServer(handle)), 80],
  [createHttpServer(handle), 8080],
  [createTlsServer(tlsOptions, handle), 443],
  [createTlsServer(tlsOptions, handle), 8443],
  [tcp('SSH-2.0-fake\r\n'), 22],
  [tcp(''), 7],
  [dnsOverTcp(), 53],
];
udp(53, (query, to) => (query.length < MIN_QUESTION_BYTES ? query : answerDns(query, to)));
echo(7);
echo(443);
await Promise.all(
  servers.map(([server, port]) => new Promise<void>((resolve) => server.listen(port, '::', resolve))),
);
process.stdout.write('ready\n');

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAuthProxy, type AuthProxyOptions, type ProxyVisit } from '../testing/auth-proxy.ts';
import { ProxyForwarder } from './proxy-forwarder.ts';

const PASSWORD = 'pass:w@rd/%1';

let site: Server;
let sitePort: number;
let folder: string;
let tls: { key: string; cert: string };

beforeAll(async () => {
  site = createServer((_, response) => response.end('the site'));
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  sitePort = (site.address() as AddressInfo).port;
  folder = await mkdtemp(join(tmpdir(), 'banata-proxy-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost';
  const rest = ['-keyout', key, '-out', cert, '-addext', 'subjectAltName=DNS:localhost'];
  await promisify(execFile)('openssl', ['req', ...kind.split(' '), ...rest]);
  tls = { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  setDefaultCACertificates([...getCACertificates('default'), tls.cert]);
});

afterAll(async () => {
  site.close();
  await rm(folder, { recursive: true, force: true });
});

/** Asks the forwarder for a page, as a program without a password does. */
async function get(port: number, url: string): Promise<{ status: number; text: string }> {
  const asked = request({ host: '127.0.0.1', port, path: url, headers: { host: new URL(url).host } });
  asked.end();
  const [reply] = await once(asked, 'response');
  let text = '';
  for await (const chunk of reply) text += String(chunk);
  return { status: reply.statusCode, text };
}

/** Opens a tunnel through the forwarder and asks the site in it. */
async function tunnel(port: number, host: string): Promise<string> {
  const asked = request({ host: '127.0.0.1', port, method: 'CONNECT', path: `${host}:${sitePort}` });
  asked.end();
  const [reply, socket] = await once(asked, 'connect');
  if (reply.statusCode !== 200) throw new Error(`CONNECT answered ${reply.statusCode}`);
  socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

async function withForwarder(
  kind: AuthProxyOptions['kind'],
  password: string,
  use: (port: number, visits: ProxyVisit[]) => Promise<void>,
): Promise<void> {
  const visits: ProxyVisit[] = [];
  const proxy = await startAuthProxy({
    kind,
    host: '127.0.0.1',
    username: 'ada',
    password: PASSWORD,
    address: '127.0.0.1',
    ...(kind === 'https' && { tls }),
    onVisit: (visit) => void visits.push(visit),
  });
  const upstream = `${kind}://ada:${encodeURIComponent(password)}@localhost:${proxy.port}`;
  const forwarder = new ProxyForwarder(upstream, { logger: { info() {}, warn() {}, error() {} }, port: 0 });
  await forwarder.start();
  try {
    await use(forwarder.port, visits);
  } finally {
    await forwarder.stop();
    await proxy.close();
  }
}

test.each(['http', 'https', 'socks5'] as const)(
  'pages and tunnels go through a proxy spoken to by %s, with its password and the names unresolved',
  async (kind) => {
    await withForwarder(kind, PASSWORD, async (port, visits) => {
      expect(await get(port, `http://harbour.example:${sitePort}/`)).toEqual({
        status: 200,
        text: 'the site',
      });
      expect(await tunnel(port, 'quay.example')).toContain('the site');
      expect(visits.filter(({ allowed }) => allowed).map(({ user, host }) => `${user} ${host}`)).toEqual([
        'ada harbour.example',
        'ada quay.example',
      ]);
    });
  },
);

test.each(['http', 'socks5'] as const)('a wrong password opens nothing by %s', async (kind) => {
  await withForwarder(kind, 'wrong', async (port, visits) => {
    expect((await get(port, `http://harbour.example:${sitePort}/`)).text).not.toContain('the site');
    expect(visits.some(({ allowed }) => allowed)).toBe(false);
  });
});

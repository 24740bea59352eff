import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { specialAddress } from './address-class.ts';
import { OutboundBlockedError } from './outbound-blocked-error.ts';
import { createOutboundGuard, type OutboundGuard, type OutboundGuardOptions } from './outbound-guard.ts';
import { usableAddresses } from './usable-addresses.ts';

let server: Server;
let port: number;
let hits: number;
let guard: OutboundGuard | undefined;

beforeEach(async () => {
  hits = 0;
  server = createServer((_request, response) => {
    hits += 1;
    response.end('reached');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  await guard?.close();
  guard = undefined;
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

function make(options: Partial<OutboundGuardOptions> = {}): OutboundGuard {
  guard = createOutboundGuard({ allowHosts: [], connectTimeoutMs: 2000, ...options });
  return guard;
}

async function get(url: string): Promise<string> {
  const { body } = await request(url, { dispatcher: (guard as OutboundGuard).dispatcher });
  return body.text();
}

describe('createOutboundGuard', () => {
  test.each(['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '0x7f.1', '2130706433', '0'])(
    'refuses to connect to %s',
    async (host) => {
      make();
      await expect(get(`http://${host}:${port}/`)).rejects.toThrow(OutboundBlockedError);
      expect(hits).toBe(0);
    },
  );

  test('judges the address that is dialled, not an earlier answer of the name', async () => {
    const answers = ['93.184.215.14', '127.0.0.1'];
    const asked: string[] = [];
    make({
      resolve: (hostname, callback) => {
        asked.push(hostname);
        callback(null, [{ address: answers.pop() ?? '', family: 4 }]);
      },
    });
    await expect(get(`http://rebind.example:${port}/`)).rejects.toThrow('127.0.0.1 is loopback');
    expect(asked).toEqual(['rebind.example']);
    expect(hits).toBe(0);
  });

  test('drops the private addresses of a name that has public ones too', () => {
    const good = { address: '2606:4700::1111', family: 6 };
    const addresses = [{ address: '127.0.0.1', family: 4 }, good];
    expect(usableAddresses('mixed.example', addresses, specialAddress)).toEqual([good]);
  });

  test('a name without an address is refused', async () => {
    make({ resolve: (_hostname, callback) => callback(null, []) });
    await expect(get('http://void.example/')).rejects.toThrow('it has no address');
  });

  test('an error of the look-up stays what it is', async () => {
    make({
      resolve: (_hostname, callback) => callback(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), []),
    });
    await expect(get('http://void.example/')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  test('refuses a public address that this machine holds', async () => {
    make({ ownAddresses: () => ['93.184.215.14', '2606:4700:0::1111'] });
    await expect(get(`http://93.184.215.14:${port}/`)).rejects.toThrow('an address of this machine');
    await expect(get(`http://[2606:4700::1111]:${port}/`)).rejects.toThrow('an address of this machine');
  });

  test('connects to what the operator lists, by that very name and port', async () => {
    make({ allowHosts: [`LocalHost:${port}`] });
    expect(await get(`http://localhost:${port}/`)).toBe('reached');
    await expect(get(`http://127.0.0.1:${port}/`)).rejects.toThrow(OutboundBlockedError);
    await expect(get(`http://localhost:${port === 1 ? 2 : port - 1}/`)).rejects.toThrow(OutboundBlockedError);
  });

  test('an open entry covers the default port of the scheme', () => {
    make({ allowHosts: ['10.1.2.3:443', '[::1]:8000'] });
    expect(guard?.check('https://10.1.2.3/v1').host).toBe('10.1.2.3');
    expect(guard?.check('http://[::1]:8000/v1').host).toBe('[::1]:8000');
    expect(() => guard?.check('http://10.1.2.3/v1')).toThrow('10.1.2.3 is a private network');
  });

  test.each([
    ['ftp://example.com/', 'only http and https'],
    ['file:///etc/passwd', 'only http and https'],
    ['http://user:pass@example.com/', 'user name or password'],
    ['http://169.254.169.254/latest', 'metadata'],
    ['nonsense', 'not a URL'],
  ])('check refuses %s', (url, text) => {
    expect(() => make().check(url)).toThrow(text);
  });

  test('check passes a public URL', () => {
    expect(make().check('https://api.example.com/v1').href).toBe('https://api.example.com/v1');
  });

  test.each([
    'localhost',
    'http://localhost:80',
    'localhost:99999',
    ':80',
    'a b:80',
    'localhost:80/path',
    '',
  ])('refuses %j as an allowed host', (entry) => {
    expect(() => createOutboundGuard({ allowHosts: [entry] })).toThrow('is not a host:port pair');
  });
});

import { BanataError, type BanataSandbox, type Sandbox } from '@banata-boxes/sdk';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { askPreview } from '../support/preview-client.ts';
import { until } from '../support/until.ts';
import { hostileHosts, type HostileHost } from './support/hostile-hosts.ts';
import { NetworkBench, REACHED } from './support/network-bench.ts';
import { securityCase } from './support/case.ts';
import { testedIsolation } from './support/isolation.ts';

/** Launches at once where each host needs a sandbox of its own. */
const AT_ONCE = 3;
const LONG_MS = 300_000;

let bench: NetworkBench;
let banata: BanataSandbox;

beforeAll(async () => {
  bench = await NetworkBench.start();
  ({ banata } = bench);
});

afterAll(() => bench?.remove());

interface Route {
  name: string;
  /** What a refusal says; anything else counts as a breach. */
  refusal: RegExp;
  /** Resolves to what came back, or throws the API's refusal. */
  attempt: (host: HostileHost) => Promise<string>;
  /** Default 1. */
  atOnce?: number;
}

/** Tries all hosts on a route, and prints a line for each. */
async function tryHosts({ name, refusal, attempt, atOnce = 1 }: Route): Promise<string> {
  const hosts = hostileHosts(bench.places);
  const lines: string[] = [];
  for (let first = 0; first < hosts.length; first += atOnce) {
    const tried = hosts.slice(first, first + atOnce).map(async (one) => {
      const came = await codeAndText(attempt(one));
      const verdict = refusal.test(came) && !REACHED.test(came) ? 'ok ' : 'NO ';
      lines.push(`${verdict} ${name}: ${one.what} as ${one.host}: ${oneLine(came)}`);
    });
    await Promise.all(tried);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  expect(lines.filter((line) => line.startsWith('NO'))).toEqual([]);
  expect(lines.length).toBeGreaterThan(30);
  await expectNothingReached();
  return `${lines.length} hosts, none reached`;
}

/** What a call answered, or the refusal of the API. */
async function codeAndText(call: Promise<string>): Promise<string> {
  return call.catch((error: unknown) => {
    if (!(error instanceof BanataError)) throw error;
    return `${error.code} ${error.message}`;
  });
}

/** The servers themselves are asked: a reply that got lost would be a breach, too. */
async function expectNothingReached(): Promise<void> {
  expect(await bench.forbiddenVisits()).toEqual([]);
  expect(bench.hostVisits()).toEqual([]);
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ').slice(0, 110) || 'nothing came back';
}

/** With a port, where the host has none. */
function hostWithPort(host: string): string {
  return /:\d+$/.test(host) ? host : `${host}:80`;
}

describe(`addresses that tenants give (${testedIsolation()})`, () => {
  securityCase(
    'navigatePreview',
    async () => {
      await using sandbox = await bench.launch({ capabilities: { browser: {} } });
      await sandbox.browser.navigate('http://site.example/');
      return await tryHosts({
        name: 'navigatePreview',
        refusal: /^(NAVIGATION_FAILED|INVALID_REQUEST)/,
        attempt: ({ host }) => opened(sandbox, `http://${host}/`),
      });
    },
    LONG_MS,
  );

  securityCase('navigatePreview by names, redirects and other schemes', async () => {
    await using sandbox = await bench.launch({ capabilities: { browser: {} } });
    const { internet, host, hostPort } = bench.places;
    const urls = [
      'http://private.example/',
      'http://metadata.example/',
      `http://site.example/redirect?to=http://${internet.private}/`,
      `http://site.example/redirect?to=http://${internet.metadata}/`,
      `http://site.example/redirect?to=http://${host}:${hostPort}/`,
      `http://site.example@${internet.metadata}/`,
      'file:///etc/passwd',
      'javascript:alert(1)',
      'chrome://version',
      'view-source:http://site.example/',
      'data:text/html,x',
      'ftp://site.example/',
    ];
    for (const url of urls) {
      const came = await codeAndText(opened(sandbox, url));
      process.stdout.write(`ok  navigatePreview: ${url}: ${oneLine(came)}\n`);
      expect(came).toMatch(/^(NAVIGATION_FAILED|INVALID_REQUEST)/);
    }
    await expectNothingReached();
    return `${urls.length} URLs, none opened`;
  });

  securityCase(
    'a model base URL',
    () =>
      tryHosts({
        name: 'model base URL',
        // The second: a name that means nothing here.
        refusal: /permission_error.*403$|api_error.*502$/s,
        atOnce: AT_ONCE,
        attempt: async ({ host }) => {
          const env = {
            OPENAI_API_KEY: 'sk-canary',
            OPENAI_BASE_URL: `http://${host}/v1`,
            OPENAI_MODEL: 'acme/main-1',
          };
          await using sandbox = await bench.launch({ network: { egress: 'none' }, env });
          const { stdout } = await sandbox.exec(
            `curl -s -m 20 -w '\\n%{http_code}' -H "Authorization: Bearer $OPENAI_API_KEY" -H 'content-type: application/json' -d '{"model":"acme/main-1","messages":[]}' "$OPENAI_BASE_URL/chat/completions"`,
          );
          return stdout;
        },
      }),
    LONG_MS,
  );

  securityCase('a webhook', () =>
    tryHosts({
      name: 'webhook',
      refusal: /^WEBHOOK_URL_REFUSED|is (loopback|an address of this machine)|ENOTFOUND|EAI_AGAIN/,
      attempt: async ({ host }) => {
        const eventTypes = ['sandbox.ready' as const];
        const webhook = await banata.webhooks.create({ url: `https://${host}/hook`, eventTypes });
        // A name: what it stands for is judged as it is dialled.
        const { id } = await banata.webhooks.test(webhook.id);
        const { attempts } = await until('the delivery was tried', async () => {
          const delivery = await banata.webhooks.getDelivery(webhook.id, id);
          return delivery.attempts.length > 0 ? delivery : undefined;
        });
        await banata.webhooks.delete(webhook.id);
        return attempts[0]?.error ?? 'no error';
      },
    }),
  );

  securityCase(
    'a proxy of the sandbox',
    () =>
      tryHosts({
        name: 'byoProxyUrl',
        // gVisor waits for an answer of multicast addresses, which nobody gives.
        refusal: /^\s*(INVALID_REQUEST|Connection Refused|Upstream Error|curl: \(28\))/,
        atOnce: AT_ONCE,
        attempt: async ({ host }) => {
          const scheme = host.startsWith('0') ? 'socks5' : 'http';
          const byoProxyUrl = `${scheme}://ada:secret@${hostWithPort(host)}`;
          const browser = { mode: 'none' as const, byoProxyUrl };
          await using sandbox = await banata.launch({ capabilities: { browser } });
          const { stdout, stderr } = await sandbox.exec('curl -sS -m 10 http://site.example/');
          return `${stdout} ${stderr}`;
        },
      }),
    LONG_MS,
  );

  securityCase('a proxy of the browser', async () => {
    const { internet, host, hostPort } = bench.places;
    const before = (await bench.internet.visits()).length;
    for (const proxy of [`2852039166:80`, `${internet.private}:80`, `${host}:${hostPort}`]) {
      const browser = { byoProxyUrl: `http://ada:secret@${proxy}` };
      await using sandbox = await banata.launch({ capabilities: { browser } });
      const came = await codeAndText(opened(sandbox, 'http://site.example/'));
      process.stdout.write(`ok  proxy of the browser: ${proxy}: ${oneLine(came)}\n`);
    }
    // The browser may show a page that says why; nobody outside was asked for it.
    expect((await bench.internet.visits()).slice(before).filter(({ kind }) => kind !== 'dns')).toEqual([]);
    await expectNothingReached();
    return '3 proxies, none reached';
  });
});

/** Opens a page; resolves to what the browser says it shows. */
async function opened(sandbox: Sandbox, url: string): Promise<string> {
  return `opened ${JSON.stringify(await sandbox.navigatePreview(url))}`;
}

/** A program that leads whoever asks it elsewhere. */
const GUIDE = String.raw`
const { createServer } = require('node:http');
createServer((request, response) => {
  response.setHeader('x-seen', JSON.stringify([request.method, request.url, request.headers.host]));
  if (request.url.startsWith('/lead')) return response.writeHead(307, { location: process.argv[2] }).end('led on');
  response.end('the program');
}).listen(8123, '127.0.0.1');
`;

describe('port previews', () => {
  let sandbox: Sandbox;
  let origin: string;

  beforeAll(async () => {
    sandbox = await bench.launch({ capabilities: { browser: {}, agent: { enabled: true } } });
    const { host, hostPort } = bench.places;
    await sandbox.fs.write('/workspace/guide.cjs', GUIDE);
    await sandbox.process.start(`node /workspace/guide.cjs http://${host}:${hostPort}/`);
    ({ origin } = await sandbox.ports.expose(8123, { public: true }));
    await until('the program listens', async () =>
      (await askPreview(`${origin}/`)).status === 200 ? true : undefined,
    );
  });

  securityCase('a redirect is handed on, not followed', async () => {
    const reply = await askPreview(`${origin}/lead`);
    expect(reply.status).toBe(307);
    expect(reply.body).not.toMatch(REACHED);
    return `${reply.status} ${reply.headers.location}`;
  });

  securityCase('headers and targets that name another host reach the program, and only it', async () => {
    const { internet, host, hostPort, apiPort } = bench.places;
    const elsewhere = [`${internet.metadata}`, `${host}:${hostPort}`, `127.0.0.1:${apiPort}`];
    for (const name of elsewhere) {
      const headers = {
        'x-forwarded-host': name,
        forwarded: `host=${name}`,
        'x-original-url': `http://${name}/`,
      };
      for (const path of ['/', `//${name}/`, `/http://${name}/`, `/@${name}/`, `/..%2f..%2f${name}`]) {
        const { body } = await askPreview(`${origin}${path}`, { headers });
        expect(body).toBe('the program');
      }
    }
    await expectNothingReached();
    return `${elsewhere.length * 5} requests, all to the program`;
  });

  securityCase('labels that were not given out', async () => {
    const { host } = new URL(origin);
    const label = host.split('.')[0] ?? '';
    const tried = [
      label.replace(/^\d+/, '8000'),
      label.replace(/^\d+/, '7080'),
      `${label}x`,
      label.slice(0, -1),
      `x.${label}`,
      '8123-%00',
      '8123-',
    ];
    const statuses: number[] = [];
    for (const other of tried) {
      const { status, body } = await askPreview(`${origin}/`, {
        headers: { host: host.replace(label, other) },
      });
      expect(body).not.toMatch(/the program|reached/);
      statuses.push(status);
    }
    expect(statuses.every((status) => status === 404 || status === 400)).toBe(true);
    return statuses.join(', ');
  });

  securityCase('ports that the platform listens on in the sandbox', async () => {
    // State 0A: listening (proc_net_tcp(5)). gVisor lists them in the same form.
    const { stdout } = await sandbox.exec(
      `cat /proc/net/tcp /proc/net/tcp6 | awk '$4 == "0A" { split($2, a, ":"); print a[2] }' | sort -u`,
      undefined,
      { user: 'root' },
    );
    const listening = stdout.split('\n').flatMap((hex) => (hex === '' ? [] : [Number.parseInt(hex, 16)]));
    const platform = listening.filter((port) => port !== 8123);
    expect(platform.length).toBeGreaterThan(1);
    const said: string[] = [];
    for (const port of platform) {
      const outcome = await sandbox.ports.expose(port, { public: true }).then(
        async (preview) => {
          const { status, body } = await askPreview(`${preview.origin}/`);
          return `${status} ${body.slice(0, 60)}`;
        },
        (error: unknown) => (error as BanataError).code,
      );
      said.push(`${port}: ${oneLine(outcome)}`);
      expect(outcome, `port ${port}`).toMatch(/PORT_NOT_ALLOWED|^403 /);
    }
    return said.join('; ');
  });

  securityCase('numbers that are no port', async () => {
    const said: string[] = [];
    for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
      const refusal = await sandbox.ports.expose(port).catch((error: unknown) => error as BanataError);
      expect(refusal).toMatchObject({ status: 400 });
      said.push((refusal as BanataError).code);
    }
    return said.join(', ');
  });
});

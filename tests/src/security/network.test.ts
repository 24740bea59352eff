import type { Network, Sandbox } from '@banata-boxes/sdk';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FakeInternet } from '../support/fake-internet.ts';
import type { Installation } from '../support/installation.ts';
import { closedAttempts, openAttempts, ruledAttempts, type Attempt, type Places } from './network-cases.ts';
import { NetworkBench, REACHED } from './support/network-bench.ts';

const LOG_TIMEOUT_MS = 30_000;

let bench: NetworkBench;
let internet: FakeInternet;
let installation: Installation;
let places: Places;

beforeAll(async () => {
  bench = await NetworkBench.start();
  ({ internet, installation, places } = bench);
});

afterAll(() => bench?.remove());

const launch = (network: Network): Promise<Sandbox> => bench.launch({ network });

/** The last line that says something, short enough for a list. */
function brief(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => REACHED.test(line)) ?? lines.at(-1) ?? 'no answer').slice(0, 110);
}

async function tryAll(title: string, sandbox: Sandbox, attempts: Attempt[]): Promise<void> {
  const wrong: string[] = [];
  const lines: string[] = [];
  for (const { what, run, reaches, says } of attempts) {
    const { stdout, stderr } = await sandbox.exec(run, undefined, { timeout: 20_000 });
    const output = `${stdout}\n${stderr}`;
    const isRight =
      reaches === undefined
        ? !REACHED.test(withoutFirstRequest(what, output)) && (says === undefined || output.includes(says))
        : output.includes(reaches);
    const line = `${isRight ? 'ok ' : 'NO '} ${title}: ${what}: ${reaches === undefined ? 'refused' : 'reached'}: ${brief(output)}`;
    lines.push(line);
    if (!isRight) wrong.push(line);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  expect(wrong).toEqual([]);
}

/** Where a good request goes before the bad one, its answer is no sign of a breach. */
function withoutFirstRequest(what: string, output: string): string {
  return what === 'another host in a second request' ? output.replace(/\{"reached".*"\/1"\}/, '') : output;
}

test('egress "all" reaches the public internet and nothing else', async () => {
  await using sandbox = await launch({ egress: 'all' });
  await tryAll('all', sandbox, openAttempts(places));
});

test('rules hold against names, addresses and protocols that lie', async () => {
  const network: Network = {
    egress: {
      allow: ['site.example', '*.shared.example', `${internet.addresses.c}/32`],
      deny: ['evil.shared.example'],
    },
  };
  await using sandbox = await launch(network);
  expect(sandbox.session.network).toEqual(network);
  await tryAll('rules', sandbox, ruledAttempts(places));
  const asked = (await internet.visits()).filter(({ kind }) => kind === 'dns').map(({ name }) => name);
  expect(asked).not.toContain('c2vjcmv0.evil.example');
  expect(asked).not.toContain('other.example');
  // Questions come from the sandbox's own name service only.
  expect(
    (await internet.visits()).filter(({ kind, to }) => kind === 'dns' && to !== internet.addresses.b),
  ).not.toEqual([]);
  expect(
    (await internet.visits()).filter(({ kind, to }) => kind === 'dns' && to === internet.addresses.b),
  ).toEqual([]);
});

test('egress "none" leaves the model gateway', async () => {
  await using sandbox = await launch({ egress: 'none' });
  await tryAll('none', sandbox, closedAttempts(places));
});

test('nothing private was ever reached', async () => {
  expect(await bench.forbiddenVisits()).toEqual([]);
  const visits = await internet.visits();
  expect(visits.some(({ to }) => to === internet.addresses.a)).toBe(true);
});

test('the boxes’ listener offers its own ports only', async () => {
  await using sandbox = await launch({ egress: 'all' });
  const scan = [
    'import socket',
    'from concurrent.futures import ThreadPoolExecutor',
    'def open(p):',
    '  s=socket.socket(); s.settimeout(2)',
    `  r=s.connect_ex(("${places.service}",p)); s.close(); return r==0`,
    'with ThreadPoolExecutor(32) as e: print([p for p,o in zip(range(1,65536),e.map(open,range(1,65536))) if o])',
  ].join('\n');
  const { stdout } = await sandbox.exec(`python3 -c '${scan}'`, undefined, { timeout: 90_000 });
  const expected = [53, places.openedPort, 7071, 7072].sort((one, other) => one - other);
  process.stdout.write(`ok  listener: open ports of the service address: ${stdout.trim()}\n`);
  expect(JSON.parse(stdout)).toEqual(expected);
  for (const path of [
    '/',
    '/healthz',
    '/readyz',
    '/v1/sandboxes',
    '/docs',
    '/openapi.json',
    '/model',
    '/model/../v1/sandboxes',
    '//v1/sandboxes',
  ]) {
    const { stdout: code } = await sandbox.exec(
      `curl -s --path-as-is -o /dev/null -w '%{http_code}' 'http://host.banata.internal:7071${path}'`,
    );
    process.stdout.write(`ok  listener: GET ${path}: ${code}\n`);
    expect(['400', '401', '404']).toContain(code);
  }
});

test('rules change at once, cut what they forbid, and hold while no server runs', async () => {
  await using sandbox = await launch({ egress: 'all' });
  const download = `curl -s -o /dev/null --limit-rate 20M 'http://site.example/bytes?n=2000000000'`;
  const cut = sandbox.exec(download, undefined, { timeout: 30_000 });
  await sleep(1_000);
  await sandbox.network.set({ egress: { allow: ['other.example'] } });
  const { exitCode } = await cut;
  process.stdout.write(
    `ok  change: a download that the new rules forbid ended with curl's code ${exitCode}\n`,
  );
  expect(exitCode).not.toBe(0);

  await sandbox.network.set({ egress: { allow: ['site.example'] } });
  const proxied = sandbox.exec(download, undefined, { timeout: 30_000 });
  await sleep(1_000);
  await sandbox.network.set({ egress: 'none' });
  expect((await proxied).exitCode).not.toBe(0);

  await sandbox.network.set({ egress: { allow: ['site.example'] } });
  const probe = `for i in $(seq 60); do curl -skm 2 https://site.example/ https://${internet.addresses.b}/ >>/tmp/probe 2>&1; sleep 0.1; done`;
  await sandbox.exec(`nohup sh -c '${probe}' >/dev/null 2>&1 </dev/null &`);
  await sleep(500);
  await installation.stopServer('SIGKILL');
  await sleep(2_500);
  await installation.startServer();
  const after = await sandbox.exec('sleep 1; curl -skm 5 https://site.example/; cat /tmp/probe');
  process.stdout.write(
    'ok  change: the server was killed; the sandbox reached nothing but the allowed name\n',
  );
  expect(after.stdout).toContain(`"reached":"${internet.addresses.a}"`);
  expect(after.stdout).not.toContain(`"reached":"${internet.addresses.b}"`);
  const events: string[] = [];
  for await (const event of sandbox.events()) {
    events.push(event.type);
    if (events.filter((type) => type === 'sandbox.network.changed').length === 4) break;
  }
}, 90_000);

test('the log tells what was reached and what was refused', async () => {
  await using sandbox = await launch({ egress: { allow: ['site.example'] } });
  await sandbox.exec(
    `curl -sk https://site.example/bytes?n=300000 -o /dev/null; curl -sk https://other.example/; curl -s http://${internet.addresses.b}/`,
  );
  await expect
    .poll(async () => (await sandbox.network.log()).data, { timeout: LOG_TIMEOUT_MS })
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          protocol: 'tls',
          host: 'site.example',
          port: 443,
          allowed: true,
          rule: 'site.example',
        }) as unknown,
        expect.objectContaining({ protocol: 'dns', host: 'other.example', allowed: false }) as unknown,
        expect.objectContaining({ protocol: 'http', host: internet.addresses.b, allowed: false }) as unknown,
      ]),
    );
  const { data } = await sandbox.network.log();
  expect(data.find(({ protocol }) => protocol === 'tls')?.bytesReceived).toBeGreaterThan(300_000);
  await sandbox.network.set({ egress: 'all' });
  await sandbox.exec(
    `curl -s 'http://site.example/bytes?n=200000' -o /dev/null; curl -sm 2 http://${internet.private}/`,
  );
  await expect
    .poll(async () => (await sandbox.network.log()).data, { timeout: LOG_TIMEOUT_MS })
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({ protocol: 'tcp', host: 'site.example', port: 80, rule: 'all' }) as unknown,
        expect.objectContaining({
          address: internet.private,
          allowed: false,
          rule: 'never reachable',
        }) as unknown,
      ]),
    );
  const first = await sandbox.network.log({ limit: 2 });
  const second = await sandbox.network.log({ limit: 2, cursor: first.nextCursor ?? '' });
  const ids = [...first.data, ...second.data].map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)].sort((one, other) => other - one));
});

/*
 * Measures the oci driver in both isolations, side by side in one run, and prints medians in milliseconds as
 * JSON. `./banata bench isolation` calls it. Needs root, BANATA_TEST_IMAGE_LAYERS, and the folder of the built box daemon
 * as its argument: `node measure-isolations.ts ../../../../boxd/dist/box [rounds]`.
 */
import { randomBytes } from 'node:crypto';
import { chmod, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { Box, BoxIsolation, SandboxDriver } from '../../driver.ts';
import { createOciDriver } from '../oci-driver.ts';
import { OciSubject } from './oci-subject.ts';
import { testImageLayers } from './test-image.ts';

const ISOLATIONS: BoxIsolation[] = ['container', 'gvisor'];
const QUIET_MS = 1_500;
const BROWSER_TIMEOUT_MS = 30_000;
const PAGE_PORT = 8123;
const VIEWPORT = { width: 1280, height: 800 };

const [daemonFolder, roundsText = '7'] = process.argv.slice(2);
if (daemonFolder === undefined) throw new Error('Give the folder of the built box daemon.');
const rounds = Number(roundsText);

async function call(box: Box, method: string, route: string, body?: unknown): Promise<unknown> {
  const { host, port, token } = box.endpoint;
  const response = await fetch(`http://${host}:${port}${route}`, {
    method,
    // The second driver's boxes have the addresses of the first one's, and must not get connections of those.
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      connection: 'close',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(BROWSER_TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${route} answered ${response.status}: ${text}`);
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}

async function exec(box: Box, command: string): Promise<string> {
  const result = await call(box, 'POST', '/exec', { command, timeoutMs: 20_000 });
  return (result as { stdout: string }).stdout;
}

/** Milliseconds that each measured thing took, by its name, in every round. */
class Figures {
  readonly #values = new Map<string, number[]>();

  add(name: string, ms: number): void {
    this.#values.set(name, [...(this.#values.get(name) ?? []), ms]);
  }

  async time<T>(name: string, action: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await action();
    this.add(name, performance.now() - began);
    return result;
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  median(name: string): number {
    const sorted = (this.#values.get(name) ?? []).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  }
}

const subject = (home: string, isolation: BoxIsolation): OciSubject =>
  new OciSubject({ home, imageLayers: testImageLayers(process.env), isolation });

async function measureStarts(driver: SandboxDriver, figures: Figures, kind: 'cold' | 'warm'): Promise<void> {
  await delay(QUIET_MS);
  const id = randomBytes(16).toString('hex');
  const request = { id, limits: LIMITS };
  const box = await figures.time(`create to first output of a command, ${kind}`, async () => {
    const made = await driver.create(request, AbortSignal.timeout(BROWSER_TIMEOUT_MS));
    await exec(made, 'echo hello');
    return made;
  });
  if (kind in box.timings !== (kind === 'warm')) throw new Error(`the box was not ${kind}`);
  for (let round = 0; round < 10; round += 1) await figures.time('exec of true', () => exec(box, 'true'));
  if (kind === 'cold') await measureInside(box, figures);
  await figures.time('destroy', () => driver.destroy(id));
}

async function measureInside(box: Box, figures: Figures): Promise<void> {
  const forks = 'for i in $(seq 50); do /bin/true; done';
  await figures.time('50 processes started by bash', () => exec(box, forks));
  await figures.time('node -e 0', () => exec(box, 'node -e 0'));
  await figures.time('python3 -c pass', () => exec(box, 'python3 -c pass'));
  const files =
    'mkdir -p /workspace/f && cd /workspace/f && for i in $(seq 500); do echo x >$i; done; rm -rf /workspace/f';
  await figures.time('500 small files written and removed', () => exec(box, files));
  const write = 'head -c 100M /dev/zero >/workspace/z && cat /workspace/z >/dev/null && rm /workspace/z';
  await figures.time('100 MiB written and read in the box', () => exec(box, write));
}

async function measureBrowser(driver: SandboxDriver, figures: Figures): Promise<void> {
  await delay(QUIET_MS);
  const id = randomBytes(16).toString('hex');
  const began = performance.now();
  const box = await driver.create({ id, limits: LIMITS }, AbortSignal.timeout(BROWSER_TIMEOUT_MS));
  await call(box, 'PUT', '/config', {
    sandboxId: id,
    runtime: 'base',
    env: {},
    browser: { viewport: VIEWPORT, persistentProfile: false },
    agent: null,
  });
  await call(box, 'GET', '/browser/json/version');
  figures.add('create to browser that answers CDP, warm box', performance.now() - began);
  const server = `require('http').createServer((q, r) => r.end('<h1>x</h1>')).listen(${PAGE_PORT})`;
  await exec(box, `node -e "${server}" >/dev/null 2>&1 & sleep 0.5`);
  const page = { url: `http://127.0.0.1:${PAGE_PORT}/`, timeoutMs: 20_000 };
  await figures.time('a page of the box loaded', () => call(box, 'POST', '/browser/navigate', page));
  await driver.destroy(id);
}

const LIMITS = {
  cpus: 2,
  memoryBytes: 2 * 2 ** 30,
  pids: 1024,
  diskBytes: 2 ** 30,
  openFiles: 16_384,
  networkBitsPerSecond: 0,
};

async function measure(isolation: BoxIsolation, home: string): Promise<Figures> {
  const options = subject(home, isolation).driverOptions();
  const common = { ...options, boxdDir: path.join(home, 'daemon'), defaultLimits: LIMITS };
  const figures = new Figures();
  const cold = createOciDriver({ ...common, warm: [] });
  try {
    await cold.start();
    for (let round = 0; round < rounds; round += 1) await measureStarts(cold, figures, 'cold');
    await cold.close();
    const warm = createOciDriver({ ...common, warm: [{ isolation, services: 'none', count: 1 }] });
    try {
      await warm.start();
      for (let round = 0; round < rounds; round += 1) await measureStarts(warm, figures, 'warm');
      for (let round = 0; round < Math.min(3, rounds); round += 1) await measureBrowser(warm, figures);
    } finally {
      await warm.purge();
    }
  } finally {
    await cold.purge();
  }
  return figures;
}

const home = await mkdtemp(path.join(tmpdir(), 'banata-measure-'));
try {
  await chmod(home, 0o711);
  await cp(daemonFolder, path.join(home, 'daemon'), { recursive: true });
  const results = new Map<BoxIsolation, Figures>();
  for (const isolation of ISOLATIONS) results.set(isolation, await measure(isolation, home));
  const names = results.get('container')?.names() ?? [];
  const median = (isolation: BoxIsolation, name: string): number =>
    results.get(isolation)?.median(name) ?? Number.NaN;
  const rows = names.map((name) => ({
    name,
    container: median('container', name),
    gvisor: median('gvisor', name),
  }));
  process.stdout.write(`${JSON.stringify({ rows })}\n`);
} finally {
  await rm(home, { recursive: true, force: true });
}

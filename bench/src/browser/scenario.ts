import type { BanataSandbox } from '@banata-boxes/sdk';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpus, loadavg, release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { startInstallation } from '../banata-installation.ts';
import { summarize, summarizeSteps, type Summary } from '../statistics.ts';
import { COLOUR_PAGE, measureInput, measureScroll, SCROLL_PAGE, type ScrollFigures } from './live-view.ts';

/** Keys whose way to the pixels is measured, for each run of a session. */
const KEYS_PER_RUN = 2;
/** A warm box is made again after each run. */
const REFILL_MS = 1_500;

export interface BrowserScenario {
  /** Folder of the checkout. */
  root: string;
  runs: number;
  signal: AbortSignal;
  progress: (note: string) => void;
}

export interface BrowserReport {
  scenario: 'browser';
  at: string;
  machine: { cpu: string; cores: number; kernel: string; node: string; loadBefore: number };
  /** create → connect → goto → release, ms. */
  session: Record<string, Summary>;
  /** From a key press to its pixels, ms. */
  inputToPixel: Summary;
  scroll: ScrollFigures;
}

/** Measures browser sessions from `create` to their end, and the live view. */
export async function runBrowserScenario(scenario: BrowserScenario): Promise<BrowserReport> {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    node: process.versions.node,
    loadBefore: loadavg()[0] ?? 0,
  };
  const site = await serveSite();
  const { port } = site.address() as AddressInfo;
  const pages = `http://host.banata.internal:${port}`;
  try {
    const settings = { BANATA_HOST_PORTS: String(port), BANATA_WARM: '1' };
    await using installation = await startInstallation(scenario.root, settings, scenario.signal);
    const { client } = installation;
    const session = await measureSessions(client, pages, scenario);
    scenario.progress('live view');
    await using sandbox = await client.launch({ capabilities: { browser: { humanInLoop: true } } });
    await sandbox.browser.setControl({ mode: 'shared' });
    const keys = await measureInput(sandbox, `${pages}/colour`, scenario.runs * KEYS_PER_RUN);
    const scroll = await measureScroll(sandbox, `${pages}/scroll`);
    return {
      scenario: 'browser',
      at: new Date().toISOString(),
      machine,
      session,
      inputToPixel: summarize(keys),
      scroll,
    };
  } finally {
    site.closeAllConnections();
    site.close();
  }
}

async function measureSessions(
  client: BanataSandbox,
  pages: string,
  { runs, signal, progress }: BrowserScenario,
): Promise<Record<string, Summary>> {
  const times: Record<string, number>[] = [];
  // The first run fills caches and is not counted.
  for (let run = 0; run <= runs; run += 1) {
    progress(`session ${run} of ${runs}`);
    await sleep(REFILL_MS, undefined, { signal });
    const measured = await measureSession(client, `${pages}/colour`);
    if (run > 0) times.push(measured);
  }
  return summarizeSteps(times);
}

async function measureSession(client: BanataSandbox, url: string): Promise<Record<string, number>> {
  const marks = [performance.now()];
  const mark = (): number => marks.push(performance.now());
  const sandbox = await client.launch({ capabilities: { browser: {} } });
  mark();
  const cdpUrl = sandbox.session.pairedBrowser?.cdpUrl ?? (await sandbox.getPreview()).cdpUrl;
  const browser = await chromium.connectOverCDP(cdpUrl);
  mark();
  const page = browser.contexts()[0]?.pages()[0];
  if (!page) throw new Error('The browser has no page.');
  await page.goto(url);
  mark();
  await browser.close();
  await sandbox.kill();
  mark();
  const [start = 0, created = 0, connected = 0, loaded = 0, released = 0] = marks;
  return {
    create: created - start,
    connect: connected - created,
    goto: loaded - connected,
    createToLoaded: loaded - start,
    release: released - loaded,
    total: released - start,
  };
}

async function serveSite(): Promise<Server> {
  const site = createServer((request, response) => {
    const page = request.url === '/scroll' ? SCROLL_PAGE : COLOUR_PAGE;
    response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  return site;
}

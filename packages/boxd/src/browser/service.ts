import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { BoxBrowserState, BoxConfig, BoxEventBody, Viewport } from '@banata/protocol/box';
import { BoxError } from '../http/route.ts';
import type { BoxRoute, BoxUpgrade } from '../http/route.ts';
import type { BoxEnvironment, BoxLogger, BrowserService, EventSink } from '../services.ts';
import { AgentEndpoint } from './agent-endpoint.ts';
import { jsonList, jsonVersion, windowFollows } from './browser-control.ts';
import type { CdpClientKind, CdpPolicy } from './cdp-policy.ts';
import { Desktop } from './desktop.ts';
import type { LiveBrowser } from './desktop.ts';
import { prepareDesktopFiles } from './desktop-files.ts';
import type { DesktopFiles } from './desktop-files.ts';
import { readDesktopSize, setDesktopSize } from './rfb-client.ts';
import { browserRoutes } from './routes.ts';
import { VncTunnel } from './vnc-tunnel.ts';
import { refuseUpgrade, WebSocketAcceptor } from './web-socket.ts';

const UPGRADE_WAIT_MS = 10_000;
const MAX_CDP_MESSAGE_BYTES = 100 * 1024 * 1024;
const MAX_VNC_MESSAGE_BYTES = 1024 * 1024;

export interface BrowserDependencies {
  environment: BoxEnvironment;
  events: EventSink;
  logger: BoxLogger;
  /** Asked for each CDP message of a client; lets everything through by default. */
  policy?: CdpPolicy;
}

type StartOptions = NonNullable<BoxConfig['browser']> & { proxyServer: string | undefined };

type Phase =
  | { state: 'off' | 'starting'; browser?: undefined }
  | { state: 'ready'; browser: LiveBrowser }
  | { state: 'failed'; reason: string; browser?: undefined };

export type BrowserParts = BrowserService & { routes: BoxRoute[]; upgrades: BoxUpgrade[] };

/** The desktop of the box with its live browser: one Chromium that a person, CDP clients and the agent share. */
export function createBrowserService(dependencies: BrowserDependencies): BrowserParts {
  return new LiveBrowserService(dependencies);
}

class LiveBrowserService implements BrowserParts {
  readonly routes: BoxRoute[];
  readonly upgrades: BoxUpgrade[];
  readonly #dependencies: BrowserDependencies;
  readonly #cdp = new WebSocketAcceptor({ maxPayload: MAX_CDP_MESSAGE_BYTES });
  readonly #vnc = new WebSocketAcceptor({ maxPayload: MAX_VNC_MESSAGE_BYTES, protocol: 'binary' });
  readonly #changes = new EventTarget();
  #phase: Phase = { state: 'off' };
  #files: DesktopFiles | undefined;
  #desktop: Desktop | undefined;
  #tunnel: VncTunnel | undefined;
  #endpoint: AgentEndpoint | undefined;
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(dependencies: BrowserDependencies) {
    this.#dependencies = dependencies;
    this.routes = browserRoutes(this);
    this.upgrades = [
      { path: '/browser/cdp', handle: (...upgrade) => this.#connectCdp('client', ...upgrade) },
      { path: '/browser/vnc', handle: (...upgrade) => this.#connectVnc(...upgrade) },
    ];
  }

  /**
   * The profile stays as long as the box's disk does; `persistentProfile` tells the server whether to keep it
   * longer, and changes nothing here.
   */
  start(
    config: NonNullable<BoxConfig['browser']>,
    { proxyServer }: { proxyServer?: string | undefined } = {},
  ): void {
    const { state } = this.#phase;
    if (state === 'starting' || state === 'ready') throw new Error('The browser was started already.');
    this.#stopping = new AbortController();
    this.#enter({ state: 'starting' });
    // Listens before the browser is up, so that its URL can be handed to the agent meanwhile.
    const endpoint = new AgentEndpoint({
      version: async (url) => jsonVersion(await this.browser(), url),
      list: async (url) => jsonList(await this.browser(), url),
      connect: (...upgrade) => this.#connectCdp('agent', ...upgrade),
    });
    this.#endpoint = endpoint;
    const listening = endpoint.listen();
    this.#running = this.#run({ ...config, proxyServer }, listening, this.#stopping.signal)
      .catch((error: Error) => this.#fail(error))
      .then(() => endpoint.close());
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#tunnel?.close();
    await this.#running;
    this.#enter({ state: 'off' });
  }

  async state(): Promise<BoxBrowserState> {
    const phase = this.#phase;
    const reason = phase.state === 'failed' ? phase.reason : null;
    const nothing = { state: phase.state, reason, viewport: null, url: null, title: null, clients: 0 };
    if (phase.state !== 'ready') return nothing;
    // What a browser that just ended cannot tell stays null; the next question finds the new state.
    const [viewport, page] = await Promise.all([
      readDesktopSize(this.#desktopFiles().rfbSocket).catch(() => null),
      phase.browser.pages.front().catch(() => undefined),
    ]);
    const clients = phase.browser.broker.outsideClients;
    return { ...nothing, viewport, url: page?.url ?? null, title: page?.title ?? null, clients };
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    await this.#whenReady(signal);
  }

  agentEndpoint(): string {
    const url = this.#endpoint?.url;
    if (url === undefined)
      throw new BoxError(409, 'BROWSER_OFF', 'The browser is not started; start it first.');
    return url;
  }

  ownPorts(): number[] {
    const url = this.#endpoint?.url;
    return url === undefined ? [] : [Number(new URL(url).port)];
  }

  /** The browser, when it takes calls within ten seconds. @throws BoxError 409 when it is off, 503 otherwise. */
  async browser(signal?: AbortSignal): Promise<LiveBrowser> {
    const timeout = AbortSignal.timeout(UPGRADE_WAIT_MS);
    return this.#whenReady(signal ? AbortSignal.any([signal, timeout]) : timeout);
  }

  /** Resizes the desktop; the window follows. Resolves to the size it has. */
  async resize(viewport: Viewport, signal: AbortSignal): Promise<Viewport> {
    const browser = await this.browser(signal);
    const size = await setDesktopSize(this.#desktopFiles().rfbSocket, viewport);
    if (this.#desktop) this.#desktop.viewport = size;
    await windowFollows(browser, size);
    return size;
  }

  async #run(
    { viewport, maxPages, proxyServer }: StartOptions,
    listening: Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    const { environment, logger } = this.#dependencies;
    const startedAt = performance.now();
    const [files] = await Promise.all([prepareDesktopFiles(environment), listening]);
    this.#files = files;
    this.#tunnel = new VncTunnel(files.rfbSocket);
    const desktop = new Desktop({
      environment,
      logger,
      files,
      viewport,
      maxPages,
      proxyServer,
      policy: this.#dependencies.policy ?? (() => undefined),
      onReady: (browser) => {
        if (signal.aborted) return;
        logger.info('browser.ready', { sinceStartMs: Math.round(performance.now() - startedAt) });
        this.#enter({ state: 'ready', browser });
        this.#emit({ type: 'browser.ready', data: {} });
      },
      onLost: () => {
        if (!signal.aborted) this.#enter({ state: 'starting' });
      },
    });
    this.#desktop = desktop;
    await desktop.run(signal);
  }

  #fail(error: Error): void {
    const reason = error.message;
    this.#dependencies.logger.error('browser.failed', { reason });
    this.#enter({ state: 'failed', reason });
    this.#emit({ type: 'browser.failed', data: { reason } });
  }

  #emit(body: BoxEventBody): void {
    this.#dependencies.events.append(body).catch((error: Error) => {
      this.#dependencies.logger.error('browser.event', { type: body.type, error: error.message });
    });
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#changes.dispatchEvent(new Event('change'));
  }

  #desktopFiles(): DesktopFiles {
    if (!this.#files) throw new Error('The desktop is not laid out yet.');
    return this.#files;
  }

  #whenReady(signal: AbortSignal): Promise<LiveBrowser> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        this.#changes.removeEventListener('change', look);
        signal.removeEventListener('abort', look);
        settle();
      };
      const look = (): void => {
        const phase = this.#phase;
        if (phase.state === 'ready') return finish(() => resolve(phase.browser));
        const error = notReady(phase, signal);
        if (error) finish(() => reject(error));
      };
      this.#changes.addEventListener('change', look);
      signal.addEventListener('abort', look);
      look();
    });
  }

  #connectCdp(kind: CdpClientKind, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const targetId = new URL(request.url ?? '/', 'http://box').searchParams.get('targetId') ?? undefined;
    this.#upgrade(socket, (browser) => {
      this.#cdp.accept(request, socket, head, (client) => browser.broker.connect(client, kind, targetId));
    });
  }

  #connectVnc(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrade(socket, () => {
      this.#vnc.accept(request, socket, head, (viewer) => this.#tunnel?.open(viewer));
    });
  }

  #upgrade(socket: Duplex, use: (browser: LiveBrowser) => void): void {
    socket.on('error', () => socket.destroy());
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    this.browser(gone.signal).then(use, (error: unknown) => {
      if (error instanceof BoxError) refuseUpgrade(socket, error.status, error.code, error.message);
      else socket.destroy();
    });
  }
}

/** Why a wait for the browser is over without it; undefined while it goes on. */
function notReady(phase: Phase, signal: AbortSignal): BoxError | undefined {
  if (phase.state === 'off') {
    return new BoxError(
      409,
      'BROWSER_OFF',
      'The browser is not enabled in this sandbox; create it with a browser.',
    );
  }
  if (phase.state === 'failed')
    return new BoxError(503, 'BROWSER_FAILED', `The browser failed: ${phase.reason}`);
  if (!signal.aborted) return undefined;
  return new BoxError(503, 'BROWSER_NOT_READY', 'The browser is still starting. Try again in a few seconds.');
}

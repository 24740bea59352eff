import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Duplex, Readable } from 'node:stream';
import type { BoxBrowserState, BoxConfig, BoxEventBody, Viewport } from '@banata/protocol/box';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import { BoxError } from '../http/route.ts';
import type { BoxRoute, BoxUpgrade } from '../http/route.ts';
import type { BoxEnvironment, BoxLogger, BrowserService, EventSink } from '../services.ts';
import { AgentEndpoint } from './agent-endpoint.ts';
import { jsonList, jsonVersion, windowFollows } from './browser-control.ts';
import type { CdpClientKind } from './cdp-policy.ts';
import { Computer } from './computer/computer.ts';
import type { DesktopPlace } from './computer/computer.ts';
import { ControlState } from './control-state.ts';
import { PageDetectors } from './detectors/page-detectors.ts';
import { Desktop } from './desktop.ts';
import type { LiveBrowser } from './desktop.ts';
import { prepareDesktopFiles } from './desktop-files.ts';
import { Downloads, shareDownload } from './downloads.ts';
import { refusePlaceholder, typePlaceholders } from './forms/secret-policy.ts';
import { secretRoutes } from './forms/secret-routes.ts';
import { SecretVault } from './forms/secret-vault.ts';
import { giveFiles, readableFiles } from './give-files.ts';
import type { GiveFiles } from './give-files.ts';
import type { DesktopFiles } from './desktop-files.ts';
import { HarRecorder } from './har/har-recorder.ts';
import { harRoutes } from './har/har-routes.ts';
import { Keyboard } from './keyboard.ts';
import { ProfileKeeper } from './profile/profile-keeper.ts';
import { profileRoutes } from './profile/profile-routes.ts';
import { Recorder } from './recording/recorder.ts';
import { recordingRoutes } from './recording/recording-routes.ts';
import { readDesktopSize, setDesktopSize } from './rfb-client.ts';
import { browserRoutes } from './routes.ts';
import { VncTunnel } from './vnc-tunnel.ts';
import { WebSocketAcceptor } from './web-socket.ts';

/** What most sandboxes ask for. */
const PREPARED_VIEWPORT: Viewport = { width: 1280, height: 800 };
const UPGRADE_WAIT_MS = 10_000;
const MAX_REASON = 1000;
const MAX_CDP_MESSAGE_BYTES = 100 * 1024 * 1024;
const MAX_VNC_MESSAGE_BYTES = 1024 * 1024;

export interface BrowserDependencies {
  environment: BoxEnvironment;
  events: EventSink;
  logger: BoxLogger;
}

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
  readonly control: ControlState;
  readonly secrets = new SecretVault();
  readonly #keyboard = new Keyboard();
  readonly computer = new Computer(this.#keyboard);
  readonly #recorder: Recorder;
  readonly #profile: ProfileKeeper;
  #phase: Phase = { state: 'off' };
  /** Whether it was started for a sandbox that is not known yet; a browser that came up is in `#held` then. */
  #isPrepared = false;
  #held: LiveBrowser | undefined;
  #viewport = PREPARED_VIEWPORT;
  #keepsProfile = false;
  #maxPages: number | undefined;
  #proxyServer: string | undefined;
  #har: HarRecorder | undefined;
  #files: DesktopFiles | undefined;
  #desktop: Desktop | undefined;
  #tunnel: VncTunnel | undefined;
  #endpoint: AgentEndpoint | undefined;
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(dependencies: BrowserDependencies) {
    this.#dependencies = dependencies;
    const { environment, events, logger } = dependencies;
    this.control = new ControlState({
      path: join(environment.stateDir, 'browser-control.json'),
      events,
      logger,
      onHeld: () => this.#phase.browser?.broker.refusePending(),
      onReleased: () => this.#phase.browser?.broker.renewContexts(),
    });
    this.#recorder = new Recorder(dependencies);
    this.#profile = new ProfileKeeper(dependencies.environment);
    this.routes = [
      ...browserRoutes(this),
      ...secretRoutes(this),
      ...recordingRoutes(this.#recorder, () => this.#requireStarted()),
      ...profileRoutes(this),
      ...harRoutes(() => this.#har),
    ];
    this.upgrades = [
      { path: '/browser/cdp', handle: (...upgrade) => this.#connectCdp('client', ...upgrade) },
      { path: '/browser/vnc', handle: (...upgrade) => this.#connectVnc(...upgrade) },
    ];
  }

  /**
   * The profile stays as long as the box's disk does; the server fetches it where it is to be kept longer.
   * @throws Error for a browser that was prepared, which takes neither a proxy nor a number of pages.
   */
  start(
    config: NonNullable<BoxConfig['browser']>,
    { proxyServer }: { proxyServer?: string | undefined } = {},
  ): void {
    const { state } = this.#phase;
    const isPrepared = this.#isPrepared && state === 'starting';
    if (!isPrepared && (state === 'starting' || state === 'ready'))
      throw new Error('The browser was started already.');
    if (isPrepared && (proxyServer !== undefined || config.maxPages !== undefined))
      throw new Error('A browser that was prepared takes neither a proxy nor a number of pages.');
    this.#isPrepared = false;
    this.#viewport = config.viewport;
    this.#maxPages = config.maxPages;
    this.#proxyServer = proxyServer;
    this.#keepsProfile = config.persistentProfile;
    if (config.har === true) {
      const isHeld = (): boolean => this.control.current.mode === 'human';
      this.#har = new HarRecorder({ stateDir: this.#dependencies.environment.stateDir, isHeld });
    }
    this.#recorder.open(config.recording).catch((error: unknown) => {
      this.#dependencies.logger.error('recording.open', { error });
    });
    if (!isPrepared) this.#launch();
    this.#detect(config.detectors ?? []);
    if (!isPrepared) return;
    if (this.#desktop) this.#desktop.viewport = config.viewport;
    if (this.#held) void this.#fitAndShow(this.#held);
  }

  #detect(kinds: NonNullable<NonNullable<BoxConfig['browser']>['detectors']>): void {
    if (kinds.length === 0) return;
    const { events, logger } = this.#dependencies;
    const detectors = new PageDetectors({
      kinds,
      logger,
      live: (signal) => this.live(signal),
      isHeld: () => this.control.current.mode === 'human',
      request: (data) => events.append({ type: 'handoff.requested', data }),
    });
    void detectors.run(this.#stopping.signal);
  }

  prepare(): void {
    this.#isPrepared = true;
    this.#launch();
  }

  #launch(): void {
    this.#stopping = new AbortController();
    this.#enter({ state: 'starting' });
    // Listens before the browser is up, so that its URL can be handed to the agent meanwhile.
    const endpoint = new AgentEndpoint({
      version: async (url) => jsonVersion(await this.browser(), url),
      list: async (url) => {
        const list = await jsonList(await this.browser(), url);
        return JSON.parse(this.secrets.maskJson(JSON.stringify(list))) as object;
      },
      connect: (...upgrade) => this.#connectCdp('agent', ...upgrade),
    });
    this.#endpoint = endpoint;
    const listening = endpoint.listen();
    this.#running = this.#run(listening, this.#stopping.signal)
      .catch((error: Error) => this.#fail(error))
      .then(() => endpoint.close());
  }

  async stop(): Promise<void> {
    await this.#recorder.close();
    this.#stopping.abort();
    this.#tunnel?.close();
    this.secrets.clear();
    await this.#running;
    this.#isPrepared = false;
    this.#held = undefined;
    this.#enter({ state: 'off' });
  }

  async state(): Promise<BoxBrowserState> {
    const phase = this.#phase;
    const reason = phase.state === 'failed' ? phase.reason : null;
    const control = this.control.current;
    const nothing = {
      state: phase.state,
      reason,
      viewport: null,
      url: null,
      title: null,
      clients: 0,
      control,
    };
    if (phase.state !== 'ready') return nothing;
    // What a browser that just ended cannot tell stays null; the next question finds the new state.
    const [viewport, page] = await Promise.all([
      readDesktopSize(this.#desktopFiles().rfbSocket).catch(() => null),
      phase.browser.pages.front().catch(() => undefined),
    ]);
    const clients = phase.browser.broker.outsideClients;
    // Sites may put what was entered into the address of the page after it.
    const shown = (text: string | undefined): string | null =>
      text === undefined ? null : this.secrets.mask(text);
    return { ...nothing, viewport, url: shown(page?.url), title: shown(page?.title), clients };
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    await this.#whenReady(signal);
  }

  live(signal: AbortSignal): Promise<LiveBrowser> {
    return this.#whenReady(signal);
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

  /** Where keyboard, mouse and picture of the desktop are, when the browser takes calls. */
  async desktopPlace(signal: AbortSignal): Promise<DesktopPlace> {
    const { display } = await this.browser(signal);
    const account = this.#dependencies.environment.accounts.desktop;
    return { display, files: this.#desktopFiles(), account };
  }

  /** Gives files of the workspace to the page in front. */
  async giveFiles(request: GiveFiles): Promise<{ files: number }> {
    const { workspace, accounts } = this.#dependencies.environment;
    const paths = await readableFiles(request.paths, workspace, accounts.desktop);
    return giveFiles(await this.browser(request.signal), { ...request, paths });
  }

  /** Unpacks a kept profile. @throws BoxError 409 once the browser was started; 422. */
  async loadProfile(content: Readable): Promise<void> {
    if (this.#phase.state !== 'off')
      throw new BoxError(409, 'BROWSER_STARTED', 'A profile is loaded before the browser starts.');
    await this.#profile.load(content);
  }

  /**
   * Packs the profile.
   * @param close ends the browser before, so that everything is in its files.
   */
  async saveProfile(close: boolean): Promise<{ path: string; size: number }> {
    this.#requireStarted();
    const { broker } = this.#phase.browser ?? {};
    const cookies = await this.#profile.readCookies(broker);
    if (close) {
      await this.stop();
      return this.#profile.save(cookies);
    }
    const desktop = this.#desktop;
    return desktop ? desktop.whileFrozen(() => this.#profile.save(cookies)) : this.#profile.save(cookies);
  }

  async #run(listening: Promise<void>, signal: AbortSignal): Promise<void> {
    const { environment, logger } = this.#dependencies;
    const startedAt = performance.now();
    const [files] = await Promise.all([prepareDesktopFiles(environment), listening]);
    this.#files = files;
    this.#tunnel = new VncTunnel(files.rfbSocket);
    const downloads = new Downloads({
      folder: files.downloadsDir,
      workspace: environment.workspace,
      onEnd: (download) => {
        const { path } = download.data;
        const shared = path === null ? Promise.resolve() : shareDownload(path, environment.accounts);
        void shared
          .catch((error: Error) => logger.warn('browser.downloads', { path, error: error.message }))
          .then(() => this.#emit(download));
      },
    });
    const desktop = new Desktop({
      environment,
      logger,
      files,
      viewport: this.#viewport,
      maxPages: this.#maxPages,
      proxyServer: this.#proxyServer,
      policy: (kind, method, params) =>
        this.control.refuse(kind, method, params) ?? refusePlaceholder(this.secrets, kind, method, params),
      rewrite: typePlaceholders(this.secrets),
      maskAgent: (text) => this.secrets.maskJson(text),
      eventPolicy: this.control.eventPolicy,
      onReady: (browser) => {
        if (signal.aborted) return;
        this.#har?.follow(browser.broker);
        logger.info('browser.ready', { sinceStartMs: Math.round(performance.now() - startedAt) });
        if (this.#isPrepared) this.#held = browser;
        else void this.#showWithCookies(browser, signal);
      },
      onDisplay: (display) => {
        const screen = display && { display: display.name, env: display.env, cookie: files.cookie };
        this.#recorder.show(screen);
      },
      onLost: () => {
        this.#held = undefined;
        if (!signal.aborted) this.#enter({ state: 'starting' });
      },
      onRestart: (reason) => {
        if (!signal.aborted)
          this.#emit({ type: 'browser.restarting', data: { reason: reason.slice(0, MAX_REASON) } });
      },
      onBrowserEvent: (event) => {
        this.#har?.handle(event);
        downloads.handle(event);
      },
    });
    this.#desktop = desktop;
    await desktop.run(signal);
  }

  /** Shows a browser once it has the cookies that came with its profile. */
  async #showWithCookies(browser: LiveBrowser, signal: AbortSignal): Promise<void> {
    if (this.#keepsProfile)
      await this.#profile
        .restoreCookies(browser.broker)
        .catch((error: Error) => this.#dependencies.logger.warn('profile.cookies', { error: error.message }));
    if (!signal.aborted && !browser.broker.signal.aborted) this.#show(browser);
  }

  #show(browser: LiveBrowser): void {
    this.#enter({ state: 'ready', browser });
    this.#emit({ type: 'browser.ready', data: {} });
  }

  /** Shows a browser that was prepared, in the size that its sandbox asks for. */
  async #fitAndShow(browser: LiveBrowser): Promise<void> {
    const { width, height } = this.#viewport;
    if (width !== PREPARED_VIEWPORT.width || height !== PREPARED_VIEWPORT.height) {
      await setDesktopSize(this.#desktopFiles().rfbSocket, this.#viewport)
        .then((size) => windowFollows(browser, size))
        .catch((error: Error) => this.#dependencies.logger.warn('browser.resize', { error: error.message }));
    }
    // It may have ended meanwhile; the next one comes in the right size.
    if (this.#held !== browser) return;
    this.#held = undefined;
    this.#show(browser);
  }

  #fail(error: Error): void {
    const reason = error.message;
    this.#dependencies.logger.error('browser.failed', { reason });
    this.#enter({ state: 'failed', reason });
    if (!this.#isPrepared) this.#emit({ type: 'browser.failed', data: { reason } });
  }

  #emit(body: BoxEventBody): void {
    const told = JSON.parse(this.secrets.maskJson(JSON.stringify(body))) as BoxEventBody;
    this.#dependencies.events.append(told).catch((error: Error) => {
      this.#dependencies.logger.error('browser.event', { type: body.type, error: error.message });
    });
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#changes.dispatchEvent(new Event('change'));
  }

  /** @throws BoxError 409 where the browser is off. */
  #requireStarted(): void {
    const off = this.#phase.state === 'off' ? notReady(this.#phase, new AbortController().signal) : undefined;
    if (off) throw off;
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
      this.#cdp.accept(request, socket, head, (client) => {
        // One that opened when nobody was there to answer it would hold up this client for ever.
        if (browser.broker.outsideClients === 0 && this.control.current.mode !== 'human')
          void browser.pages.dialogs.closeAll();
        browser.broker.connect(client, kind, targetId);
      });
    });
  }

  #connectVnc(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgrade(socket, ({ display }) => {
      const { cookie } = this.#desktopFiles();
      const prepare = (keysyms: number[]): Promise<number> => this.#keyboard.give(display, cookie, keysyms);
      this.#vnc.accept(request, socket, head, (viewer) => this.#tunnel?.open(viewer, prepare));
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

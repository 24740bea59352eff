import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Viewport } from '@banata/protocol/box';
import { isGvisor } from '../limits/watchdog.ts';
import type { BoxEnvironment, BoxLogger } from '../services.ts';
import { CdpBroker } from './cdp-broker.ts';
import type { OwnEvent } from './cdp-broker.ts';
import { keepDownloads } from './cdp-policy.ts';
import type { CdpEventPolicy, CdpPolicy, CdpRewrite } from './cdp-policy.ts';
import { Child } from './child.ts';
import { CHROMIUM_PREPARE, chromiumCommand, chromiumPreferences } from './chromium.ts';
import type { DesktopFiles } from './desktop-files.ts';
import { prepareDownloads } from './desktop-files.ts';
import { startDisplay } from './display.ts';
import { Pages } from './pages.ts';
import { RestartPolicy } from './restart-policy.ts';
import { frontWindowTitle } from './x-client.ts';

const CHROMIUM_START_TIMEOUT_MS = 30_000;
const STOP_GRACE_MS = 2_000;
/** Chromium writes its profile before it ends. */
const CHROMIUM_STOP_GRACE_MS = 8_000;
/** Pages stand still this long at most. */
const FREEZE_MS = 20_000;
const EXIT_AFTER_PIPE_MS = 500;

/** A Chromium that takes clients. */
export interface LiveBrowser {
  broker: CdpBroker;
  pages: Pages;
  /** Name of the X display it is on. */
  display: string;
}

export interface DesktopOptions {
  environment: BoxEnvironment;
  logger: BoxLogger;
  files: DesktopFiles;
  /** Size of the desktop at its first start. */
  viewport: Viewport;
  policy: CdpPolicy;
  eventPolicy: CdpEventPolicy;
  /** Changes what clients send, after what keeps downloads in their place. */
  rewrite: CdpRewrite;
  /** What the agent's clients are sent in place of a message. */
  maskAgent: (text: string) => string;
  /** Most pages at once. Default: as many as fit. */
  maxPages?: number | undefined;
  /** HTTP proxy on the loopback that Chromium uses. Default: none. */
  proxyServer?: string | undefined;
  /** A Chromium came up. */
  onReady(browser: LiveBrowser): void;
  /** It ended, and the next one is on its way. */
  onLost(): void;
  /** The display there is, with the environment of its programs; undefined while there is none. */
  onDisplay(display: { name: string; env: Record<string, string> } | undefined): void;
  /** A process of the desktop ended and is started again. */
  onRestart(reason: string): void;
  /** An event of the browser itself, such as of a download, or of one of the daemon's sessions. */
  onBrowserEvent(event: OwnEvent): void;
}

/** Runs Xvnc, the window manager and Chromium, and brings back what ends, until the signal aborts. */
export class Desktop {
  readonly #options: DesktopOptions;
  readonly #env: Record<string, string>;
  #chromiumGroup: number | undefined;
  /** Size that the desktop gets when Xvnc is started again. */
  viewport: Viewport;

  constructor(options: DesktopOptions) {
    this.#options = options;
    this.viewport = options.viewport;
    const { desktop } = options.environment.accounts;
    this.#env = {
      BANATA_SERVICE: 'browser',
      HOME: desktop.home,
      USER: desktop.name,
      LOGNAME: desktop.name,
      PATH: '/usr/local/bin:/usr/bin:/bin',
      LANG: 'C.UTF-8',
      XAUTHORITY: options.files.authority,
      // There is no session bus; GLib would try to start one.
      DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent',
      NO_AT_BRIDGE: '1',
      // gVisor cannot put a box's memory on disk while a program has a file of the disk open that was deleted.
      ...(isGvisor() ? { TMPDIR: '/dev/shm' } : {}),
    };
  }

  /**
   * Resolves when the signal has aborted and every process has ended.
   * @throws Error with the last words of the process that ended too often.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { files, environment } = this.#options;
    const restarts = new RestartPolicy();
    while (!signal.aborted) {
      const account = environment.accounts.desktop;
      const display = await startDisplay(files, { account, env: this.#env, viewport: this.viewport }).catch(
        (error: Error) => error,
      );
      if (display instanceof Error) {
        await this.#again(restarts, display.message, signal);
        continue;
      }
      this.#options.onDisplay({ name: display.name, env: this.#env });
      const scope = new AbortController();
      const stop = AbortSignal.any([signal, scope.signal]);
      const clients = [this.#windowManager(display.name, stop), this.#chromium(display.name, stop)];
      let ended: string;
      try {
        // The clients end by themselves only when they fail for good, and that rejects.
        ended = await Promise.race([
          display.xvnc.exited,
          aborted(signal),
          ...clients.map((run) => run.then(() => '')),
        ]);
      } finally {
        scope.abort();
        await Promise.allSettled(clients);
        this.#options.onDisplay(undefined);
        await display.xvnc.stop(STOP_GRACE_MS);
      }
      await this.#again(restarts, `Xvnc ended: ${ended}\n${display.xvnc.lastLines()}`, signal);
    }
  }

  /** Does something while Chromium stands still, so that its files are of one moment; at most 20 s long. */
  async whileFrozen<T>(work: () => Promise<T>): Promise<T> {
    const group = this.#chromiumGroup;
    const signalGroup = (signal: NodeJS.Signals): void => {
      try {
        if (group !== undefined) process.kill(-group, signal);
      } catch {
        // It ended meanwhile.
      }
    };
    signalGroup('SIGSTOP');
    const timer = setTimeout(() => signalGroup('SIGCONT'), FREEZE_MS);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
      signalGroup('SIGCONT');
    }
  }

  async #windowManager(display: string, signal: AbortSignal): Promise<void> {
    const { environment, files } = this.#options;
    const restarts = new RestartPolicy();
    while (!signal.aborted) {
      const child = new Child('openbox', ['openbox', '--sm-disable', '--config-file', files.windowManager], {
        account: environment.accounts.desktop,
        env: { ...this.#env, DISPLAY: display },
      });
      const ended = await Promise.race([child.exited, aborted(signal)]);
      await child.stop(STOP_GRACE_MS);
      if (!signal.aborted)
        await this.#again(restarts, `openbox ended: ${ended}\n${child.lastLines()}`, signal);
    }
  }

  async #chromium(display: string, signal: AbortSignal): Promise<void> {
    const restarts = new RestartPolicy();
    while (!signal.aborted) {
      const ended = await this.#oneChromium(display, signal);
      await this.#again(restarts, ended, signal);
    }
  }

  /** Runs one Chromium to its end and answers how it ended. */
  async #oneChromium(display: string, signal: AbortSignal): Promise<string> {
    const { environment, files, logger } = this.#options;
    await prepareDownloads(environment, files.downloadsDir).catch((error: Error) =>
      logger.warn('browser.downloads', { path: files.downloadsDir, error: error.message }),
    );
    const preferences = JSON.stringify(chromiumPreferences(files.downloadsDir));
    const { chromium: binary, profileDir, sharedMemory } = files;
    const { proxyServer } = this.#options;
    const command = chromiumCommand({
      binary,
      profileDir,
      viewport: this.viewport,
      sharedMemory,
      proxyServer,
    });
    const launch = ['/bin/sh', '-c', CHROMIUM_PREPARE, 'sh', profileDir, preferences] as const;
    const child = new Child('Chromium', [...launch, ...command], {
      account: environment.accounts.desktop,
      env: { ...this.#env, DISPLAY: display },
      extraPipes: 2,
      // The box has no message bus.
      noise: /:dbus\//,
    });
    this.#chromiumGroup = child.process.pid;
    const ready = new AbortController();
    const broker = this.#broker(child, display, () => ready.abort());
    const late = delay(CHROMIUM_START_TIMEOUT_MS, 'late' as const, { signal: ready.signal }).catch(
      () => undefined,
    );
    const started = late.then(async (value) =>
      value === 'late' ? `no page after ${CHROMIUM_START_TIMEOUT_MS} ms` : new Promise<never>(() => {}),
    );
    const ended = await Promise.race([child.exited, pipeEnd(broker, child), aborted(signal), started]);
    ready.abort();
    this.#chromiumGroup = undefined;
    if (signal.aborted && broker) await leave(broker, child);
    broker?.close(ended);
    await child.stop(STOP_GRACE_MS);
    return `Chromium ended: ${ended}\n${child.lastLines()}`;
  }

  /** Undefined when the process could not be started. */
  #broker(child: Child, display: string, onFirstPage: () => void): CdpBroker | undefined {
    const { environment, files } = this.#options;
    const [, , , input, output] = child.process.stdio;
    if (child.process.pid === undefined || !input || !output) return undefined;
    const { rewrite, maskAgent } = this.#options;
    const kept = keepDownloads({ folder: files.downloadsDir, workspace: environment.workspace });
    const broker = new CdpBroker({
      input: input as Writable,
      output: output as Readable,
      policy: (kind, method, params) => pages.refuse(method) ?? this.#options.policy(kind, method, params),
      eventPolicy: this.#options.eventPolicy,
      rewrite: (method, params, kind) => rewrite(method, kept(method, params, kind), kind),
      maskAgent,
      onEvent: (event) => {
        pages.handle(event);
        this.#options.onBrowserEvent(event);
      },
      onEnd: () => {
        pages.stop();
        // At once: its process may take seconds to end, and until then nobody may be sent to it.
        this.#options.onLost();
      },
    });
    const frontTitle = (): Promise<string | undefined> => frontWindowTitle(display, files.cookie);
    const pages = new Pages(broker, frontTitle, {
      maxPages: this.#options.maxPages,
      onFirst: () => {
        onFirstPage();
        this.#options.onReady({ broker, pages, display });
      },
    });
    // Rejects only when the browser ends, which its exit tells.
    broker
      .call('Target.setDiscoverTargets', { discover: true }, { timeoutMs: CHROMIUM_START_TIMEOUT_MS })
      .catch(() => {});
    // To be told of them; the folder is the one of the preferences.
    const downloads = { behavior: 'allow', downloadPath: files.downloadsDir, eventsEnabled: true };
    broker.call('Browser.setDownloadBehavior', downloads).catch(() => {});
    pages.open();
    return broker;
  }

  /** Waits before the next start. @throws Error when the process ended too often. */
  async #again(restarts: RestartPolicy, reason: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const waitMs = restarts.next(performance.now());
    if (waitMs === undefined)
      throw new Error(`${reason.trim()}\nIt ended too often and is not started again.`);
    this.#options.logger.warn('browser.restart', { reason, waitMs });
    this.#options.onRestart(reason);
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}

function aborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('stopped');
    else signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
}

/** Lets Chromium write its profile and end by itself: what it is told by a signal or a closed pipe, it does not. */
async function leave(broker: CdpBroker, child: Child): Promise<void> {
  broker.call('Browser.close', {}, { timeoutMs: CHROMIUM_STOP_GRACE_MS }).catch(() => undefined);
  const late = new AbortController();
  const grace = delay(CHROMIUM_STOP_GRACE_MS, '', { signal: late.signal, ref: false }).catch(() => '');
  await Promise.race([child.exited, grace]);
  late.abort();
}

/** The pipe closes a moment before the process ends, whose exit tells more. */
async function pipeEnd(broker: CdpBroker | undefined, child: Child): Promise<string> {
  if (!broker) return child.exited;
  await aborted(broker.signal);
  return Promise.race([
    child.exited,
    delay(EXIT_AFTER_PIPE_MS, 'its debugging pipe was closed', { ref: false }),
  ]);
}

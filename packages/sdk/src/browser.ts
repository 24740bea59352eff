import type { Transport } from './transport.ts';
import type {
  CallOptions,
  ControlMode,
  Preview,
  PreviewCommandResponse,
  PreviewConnectionInfo,
  PreviewControl,
} from './types.ts';
import { buildPreviewViewerUrl } from './viewer-url.ts';

/** The browser of a sandbox. */
export class SandboxBrowser {
  readonly #transport: Transport;
  readonly #id: string;
  readonly #appUrl: string | undefined;

  /** @param appUrl Set only when the viewer page has another address than the server says. */
  constructor(transport: Transport, id: string, appUrl: string | undefined) {
    this.#transport = transport;
    this.#id = id;
    this.#appUrl = appUrl;
  }

  /**
   * State of the browser, with signed URLs that expire: `wsUrl` (noVNC), `cdpUrl` (Playwright, Puppeteer), `viewerUrl`.
   * @param options.controller The links act for this person, and drive only while control is theirs.
   * @throws BanataError `BROWSER_NOT_ENABLED`, `BROWSER_NOT_READY`.
   * @example
   * ```ts
   * const { cdpUrl } = await sandbox.browser.getPreview();
   * const browser = await chromium.connectOverCDP(cdpUrl);
   * ```
   */
  getPreview(options: CallOptions & { controller?: string } = {}): Promise<Preview> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/browser-preview',
      query: { id: this.#id, controller: options.controller },
      signal: options.signal,
    });
  }

  /**
   * URLs of the live view and of the commands start, navigate and resize, each with a token; null when the live view
   * is switched off.
   * @example
   * ```ts
   * const connection = await sandbox.browser.getPreviewConnection();
   * const url = buildPreviewViewerUrl(connection?.wsUrl, 'https://boxes.example.com');
   * ```
   */
  async getPreviewConnection(options: CallOptions = {}): Promise<PreviewConnectionInfo | null> {
    return (await this.getPreview(options)).connection;
  }

  /**
   * Decides who controls the browser: `ai` (automation; people watch), `human` (one person; automation is refused with
   * `CONTROL_HELD_BY_HUMAN`) or `shared`. Never sent a second time once it was sent.
   * @param control.controller Who controls, in words of your own. The one in control renews or changes it by this name.
   * @param control.leaseMs How long, ms; then control falls back to `ai`. Default 300,000 for `human`, no end for `shared`.
   * @param control.force Takes control from whoever has it.
   * @throws BanataError `CONTROL_HELD`, `HUMAN_IN_LOOP_DISABLED`.
   * @example
   * ```ts
   * const { viewerUrl } = await sandbox.browser.setControl({ mode: 'human', controller: 'ada@example.com' });
   * ```
   */
  setControl(
    control: { mode: ControlMode; controller?: string; leaseMs?: number; force?: boolean },
    options: CallOptions = {},
  ): Promise<PreviewControl> {
    return this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/browser-preview/control',
      json: { id: this.#id, ...control },
      safety: 'once',
      signal: options.signal,
    });
  }

  /**
   * Makes every link to the browser void that was given out before; what is open on them ends.
   * @example
   * ```ts
   * await sandbox.browser.revokeLinks();
   * ```
   */
  async revokeLinks(options: CallOptions = {}): Promise<void> {
    await this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/browser-preview/revoke',
      json: { id: this.#id },
      safety: 'idempotent',
      signal: options.signal,
    });
  }

  /**
   * Gives files of the workspace to a file input of the page in front.
   * @param paths Under `/workspace`, readable for others than their owner.
   * @param options.selector CSS selector of the input. Without: the next file chooser that the page opens.
   * @param options.timeoutMs Longest wait for the input or the chooser. Default 30,000.
   * @throws BanataError `FILE_CHOOSER_NOT_OPEN`, `FILE_NOT_FOUND`, `CONTROL_HELD_BY_HUMAN`.
   * @example
   * ```ts
   * await sandbox.browser.giveFiles(['/workspace/report.pdf'], { selector: 'input[type=file]' });
   * ```
   */
  async giveFiles(
    paths: readonly string[],
    options: CallOptions & { selector?: string; timeoutMs?: number } = {},
  ): Promise<void> {
    const { signal, ...rest } = options;
    await this.#transport.json({
      method: 'POST',
      path: '/v1/sandboxes/browser-preview/files',
      json: { id: this.#id, paths, ...rest },
      safety: 'once',
      signal,
    });
  }

  /**
   * Address of a page that shows only the live browser; anyone who has it can watch until it expires, and, in a sandbox
   * with `humanInLoop`, take control. Null when the live view is switched off.
   * @throws BanataError `BROWSER_NOT_ENABLED`, `BROWSER_NOT_READY`.
   * @example
   * ```ts
   * console.log('Watch:', await sandbox.browser.getPreviewViewerUrl());
   * ```
   */
  async getPreviewViewerUrl(options: CallOptions & { controller?: string } = {}): Promise<string | null> {
    const preview = await this.getPreview(options);
    return this.#appUrl === undefined
      ? preview.viewerUrl
      : buildPreviewViewerUrl(preview.wsUrl, this.#appUrl);
  }

  /**
   * Waits until the browser can be viewed and driven.
   * @example
   * ```ts
   * await sandbox.browser.start();
   * ```
   */
  start(options: CallOptions = {}): Promise<PreviewCommandResponse> {
    return this.#command('start', {}, options);
  }

  /**
   * Opens an http or https URL and waits for the page.
   * @example
   * ```ts
   * const { title } = await sandbox.browser.navigate('https://example.com');
   * ```
   */
  navigate(url: string, options: CallOptions = {}): Promise<PreviewCommandResponse> {
    return this.#command('navigate', { url }, options);
  }

  /**
   * Resizes desktop and browser window. Pixels; a side that is left out stays.
   * @example
   * ```ts
   * await sandbox.browser.resize({ width: 1600, height: 900 });
   * ```
   */
  resize(
    size: { width?: number; height?: number },
    options: CallOptions = {},
  ): Promise<PreviewCommandResponse> {
    return this.#command('resize', size, options);
  }

  /**
   * Picture of the page in front.
   * @param options.format Default `png`.
   * @example
   * ```ts
   * await writeFile('page.png', await sandbox.browser.screenshot());
   * ```
   */
  screenshot(options: CallOptions & { format?: 'png' | 'jpeg' } = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#transport.bytes({
      method: 'GET',
      path: '/v1/sandboxes/browser-preview/screenshot',
      query: { id: this.#id, format: options.format },
      signal: options.signal,
    });
  }

  /** Doing one of the commands twice leads to the same state as once, so they are retried. */
  #command(name: string, body: object, options: CallOptions): Promise<PreviewCommandResponse> {
    return this.#transport.json({
      method: 'POST',
      path: `/v1/sandboxes/browser-preview/${name}`,
      json: { id: this.#id, ...body },
      safety: 'idempotent',
      signal: options.signal,
    });
  }
}

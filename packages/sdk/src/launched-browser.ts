import { SandboxBrowser } from './browser.ts';
import type { Transport } from './transport.ts';
import type { BrowserSession, CallOptions, PreviewCommandResponse, PreviewConnectionInfo } from './types.ts';
import { buildPreviewViewerUrl } from './viewer-url.ts';

/** A browser session that takes CDP clients. It ends when the last of them disconnects, or with {@link close}. */
export class LaunchedBrowserSession {
  /** WebSocket URL for Playwright's `connectOverCDP` or `puppeteer.connect`. */
  readonly cdpUrl: string;
  readonly sessionId: string;
  /** Page with nothing but the live browser; anyone who has it can watch until it expires. */
  readonly previewViewerUrl: string | null;
  /** The session as it was when it became ready. */
  readonly session: BrowserSession;
  readonly #transport: Transport;
  readonly #browser: SandboxBrowser;

  /** Made by {@link BrowserCloud.launch}. */
  constructor(
    transport: Transport,
    session: BrowserSession & { cdpUrl: string },
    appUrl: string | undefined,
  ) {
    this.#transport = transport;
    this.#browser = new SandboxBrowser(transport, session.id, appUrl);
    this.session = session;
    this.sessionId = session.id;
    this.cdpUrl = session.cdpUrl;
    this.previewViewerUrl =
      appUrl === undefined ? session.previewUrl : buildPreviewViewerUrl(session.previewUrl, appUrl);
  }

  /**
   * Ends the session. Closing an ended session is no error.
   * @example
   * ```ts
   * await browser.disconnect();
   * await session.close();
   * ```
   */
  async close(options: CallOptions = {}): Promise<void> {
    await this.#transport.json({
      method: 'DELETE',
      path: '/v1/browsers',
      query: { id: this.sessionId },
      signal: options.signal,
    });
  }

  /**
   * A fresh address of the viewer page. Needs the scope `sandbox_sessions:exec`, as do the commands below.
   * @example
   * ```ts
   * console.log('Watch:', await session.getPreviewViewerUrl());
   * ```
   */
  getPreviewViewerUrl(options: CallOptions = {}): Promise<string | null> {
    return this.#browser.getPreviewViewerUrl(options);
  }

  /**
   * URLs of the live view and of the commands start, navigate and resize, each with a token; null when the live view
   * is switched off.
   * @example
   * ```ts
   * const connection = await session.getPreviewConnection();
   * const url = buildPreviewViewerUrl(connection?.wsUrl, 'https://boxes.example.com');
   * ```
   */
  getPreviewConnection(options: CallOptions = {}): Promise<PreviewConnectionInfo | null> {
    return this.#browser.getPreviewConnection(options);
  }

  /**
   * Picture of the page in front. With the session's option `screenshots` it is kept among its artifacts, too.
   * @param options.format Default `png`.
   * @example
   * ```ts
   * await writeFile('page.png', await session.screenshot());
   * ```
   */
  screenshot(options: CallOptions & { format?: 'png' | 'jpeg' } = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#browser.screenshot(options);
  }

  /** Waits until the browser can be viewed and driven. @example `await session.startPreview()` */
  startPreview(options: CallOptions = {}): Promise<PreviewCommandResponse> {
    return this.#browser.start(options);
  }

  /**
   * Opens an http or https URL and waits for the page.
   * @example
   * ```ts
   * const { title } = await session.navigatePreview('https://example.com');
   * ```
   */
  navigatePreview(url: string, options: CallOptions = {}): Promise<PreviewCommandResponse> {
    return this.#browser.navigate(url, options);
  }

  /** Resizes desktop and window; pixels. @example `await session.resizePreview({ width: 1600 })` */
  resizePreview(
    size: { width?: number; height?: number },
    options: CallOptions = {},
  ): Promise<PreviewCommandResponse> {
    return this.#browser.resize(size, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

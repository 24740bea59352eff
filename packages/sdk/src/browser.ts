import type { Transport } from './transport.ts';
import type { CallOptions, Preview, PreviewCommandResponse } from './types.ts';
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
   * @throws BanataError `BROWSER_NOT_ENABLED`, `BROWSER_NOT_READY`.
   * @example
   * ```ts
   * const { cdpUrl } = await sandbox.browser.getPreview();
   * const browser = await chromium.connectOverCDP(cdpUrl);
   * ```
   */
  getPreview(options: CallOptions = {}): Promise<Preview> {
    return this.#transport.json({
      method: 'GET',
      path: '/v1/sandboxes/browser-preview',
      query: { id: this.#id },
      signal: options.signal,
    });
  }

  /**
   * Address of a page that shows only the live browser; anyone who has it can watch until it expires.
   * @throws BanataError `BROWSER_NOT_ENABLED`, `BROWSER_NOT_READY`.
   * @example
   * ```ts
   * console.log('Watch:', await sandbox.browser.getPreviewViewerUrl());
   * ```
   */
  async getPreviewViewerUrl(options: CallOptions = {}): Promise<string | null> {
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

import { ApiError, contract } from '@banata/protocol';
import { Readable } from 'node:stream';
import type { BrowserService } from '../services/browser.ts';
import type { Links } from '../services/links.ts';
import type { Mount } from './mount.ts';

export function mountBrowser(
  mount: Mount,
  { browser, links }: { browser: BrowserService; links: Links },
): void {
  const {
    getPreview,
    viewPreview,
    startPreview,
    navigatePreview,
    resizePreview,
    screenshotPreview,
    cdpSocket,
    vncSocket,
  } = contract.browser;

  mount.route(getPreview, ({ caller, query }) => browser.preview(caller, query.id));

  mount.route(viewPreview, ({ query }) => browser.view(links.verify(query.token, 'view').sandboxId));

  mount.route(startPreview, ({ caller, body, signal }) => browser.start(caller, body.id, signal));

  mount.route(navigatePreview, ({ caller, body, signal }) =>
    browser.navigate(caller, body.id, body.url, signal),
  );

  mount.route(resizePreview, ({ caller, body: { id, width, height } }) =>
    browser.resize(caller, id, {
      ...(width === undefined ? {} : { width }),
      ...(height === undefined ? {} : { height }),
    }),
  );

  mount.route(screenshotPreview, async ({ caller, query: { id, format }, signal }) => {
    const { body } = await browser.screenshot(caller, id, format, signal);
    return new Response(Readable.toWeb(body) as ReadableStream, {
      headers: { 'content-type': `image/${format}` },
    });
  });

  for (const socket of [cdpSocket, vncSocket]) {
    mount.route(socket, () => {
      throw new ApiError(
        'INVALID_REQUEST',
        `${socket.path} takes a WebSocket; connect to it with ws:// or wss://.`,
      );
    });
  }
}

import type { BoxConfig } from '@banata/protocol/box';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Page } from 'playwright-core';
import { startBrowserBox, type BrowserBox } from '../../../testing/browser-box.ts';
import { DETECTOR_PAGES } from './detector-pages.ts';

/** A box whose browser a CDP client drives through the pages of {@link DETECTOR_PAGES}. */
export interface DetectorRig {
  box: BrowserBox;
  origin: string;
  page: Page;
  close(): Promise<void>;
}

/** @param more of the browser's configuration. */
export async function startDetectorRig(
  more: Partial<NonNullable<BoxConfig['browser']>> = {},
): Promise<DetectorRig> {
  const site = createServer((request, response) => {
    const found = DETECTOR_PAGES[new URL(request.url ?? '/', 'http://localhost').pathname];
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/html' }).end(found?.html ?? 'none');
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const box = await startBrowserBox(more);
  const { headers } = box;
  const browser = await chromium.connectOverCDP(box.socketUrl('/browser/cdp'), { headers });
  return {
    box,
    origin,
    page: browser.contexts()[0]!.pages()[0]!,
    close: async () => {
      await browser.close();
      await box.close();
      site.closeAllConnections();
      await new Promise((done) => site.close(done));
    },
  };
}

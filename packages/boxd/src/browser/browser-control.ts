import { setTimeout as delay } from 'node:timers/promises';
import type { Viewport } from '@banata/protocol/box';
import { z } from 'zod';
import { BoxError } from '../http/route.ts';
import type { LiveBrowser } from './desktop.ts';

export const screenshotFormatSchema = z.enum(['png', 'jpeg']);
export type ScreenshotFormat = z.infer<typeof screenshotFormatSchema>;

const versionSchema = z.object({
  protocolVersion: z.string(),
  product: z.string(),
  revision: z.string(),
  userAgent: z.string(),
  jsVersion: z.string(),
});
const screenshotSchema = z.object({ data: z.string() });
const windowSchema = z.object({ bounds: z.object({ width: z.number(), height: z.number() }) });

const SCREENSHOT_TIMEOUT_MS = 10_000;
const FOLLOW_TIMEOUT_MS = 1_000;
const FOLLOW_POLL_MS = 20;

/** `/json/version` as Chromium's own debugging port answers it. */
export async function jsonVersion(
  { broker }: Pick<LiveBrowser, 'broker'>,
  webSocketDebuggerUrl: string,
): Promise<object> {
  const version = versionSchema.parse(await broker.call('Browser.getVersion'));
  const webKit = /AppleWebKit\/(\S+)/.exec(version.userAgent)?.[1] ?? '';
  return {
    Browser: version.product,
    'Protocol-Version': version.protocolVersion,
    'User-Agent': version.userAgent,
    'V8-Version': version.jsVersion,
    'WebKit-Version': `${webKit} (${version.revision})`,
    webSocketDebuggerUrl,
  };
}

/** `/json/list`: the pages, each with the URL of a WebSocket that speaks to that page alone. */
export async function jsonList(
  { pages }: Pick<LiveBrowser, 'pages'>,
  webSocketUrl: string,
): Promise<object[]> {
  return (await pages.list()).map((page) => ({
    description: '',
    id: page.targetId,
    title: page.title,
    type: page.type,
    url: page.url,
    webSocketDebuggerUrl: `${webSocketUrl}?targetId=${page.targetId}`,
  }));
}

/** Picture of the visible part of the page in front. */
export async function screenshot({ broker, pages }: LiveBrowser, format: ScreenshotFormat): Promise<Buffer> {
  const page = await pages.front();
  if (!page)
    throw new BoxError(503, 'BROWSER_RESTARTING', 'The browser has no page open. Try again in a second.');
  return pages.withSession(page.targetId, async (sessionId) => {
    const params = format === 'jpeg' ? { format, quality: 80 } : { format };
    const options = { sessionId, timeoutMs: SCREENSHOT_TIMEOUT_MS };
    const reply = await broker.call('Page.captureScreenshot', params, options);
    return Buffer.from(screenshotSchema.parse(reply).data, 'base64');
  });
}

/** Waits until the window in front has the size of the desktop, at most a second: the window manager resizes it. */
export async function windowFollows({ broker, pages }: LiveBrowser, size: Viewport): Promise<void> {
  const deadline = performance.now() + FOLLOW_TIMEOUT_MS;
  const page = await pages.front();
  while (page && performance.now() < deadline) {
    const reply = await broker.call('Browser.getWindowForTarget', { targetId: page.targetId });
    const { bounds } = windowSchema.parse(reply);
    if (bounds.width === size.width && bounds.height === size.height) return;
    await delay(FOLLOW_POLL_MS);
  }
}

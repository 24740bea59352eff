import { boxNavigateSchema, viewportSchema } from '@banata/protocol/box';
import type { BoxBrowserState, Viewport } from '@banata/protocol/box';
import { BoxError } from '../http/route.ts';
import type { BoxRequest, BoxRoute } from '../http/route.ts';
import { jsonList, jsonVersion, screenshot, screenshotFormatSchema } from './browser-control.ts';
import type { LiveBrowser } from './desktop.ts';
import { checkAddress, navigate } from './navigate.ts';

/** What the routes need of the service. */
export interface BrowserRoutesTarget {
  state(): Promise<BoxBrowserState>;
  browser(signal?: AbortSignal): Promise<LiveBrowser>;
  resize(viewport: Viewport, signal: AbortSignal): Promise<Viewport>;
}

/** Path of the CDP WebSocket in the daemon's replies; the server puts its own address before it. */
const CDP_PATH = '/browser/cdp';

export function browserRoutes(service: BrowserRoutesTarget): BoxRoute[] {
  return [
    { method: 'GET', path: '/browser', handle: () => service.state() },
    {
      method: 'POST',
      path: '/browser/navigate',
      async handle(request) {
        const { url, timeoutMs } = await request.json(boxNavigateSchema);
        checkAddress(url);
        return navigate(await service.browser(request.signal), { url, timeoutMs, signal: request.signal });
      },
    },
    {
      method: 'POST',
      path: '/browser/resize',
      async handle(request) {
        return service.resize(await request.json(viewportSchema), request.signal);
      },
    },
    {
      method: 'GET',
      path: '/browser/screenshot',
      handle: (request) => sendScreenshot(service, request),
    },
    {
      method: 'GET',
      path: '/browser/json/version',
      handle: async (request) => jsonVersion(await service.browser(request.signal), CDP_PATH),
    },
    {
      method: 'GET',
      path: '/browser/json/list',
      handle: async (request) => jsonList(await service.browser(request.signal), CDP_PATH),
    },
  ];
}

async function sendScreenshot(service: BrowserRoutesTarget, request: BoxRequest): Promise<undefined> {
  const given = request.url.searchParams.get('format') ?? 'png';
  const format = screenshotFormatSchema.safeParse(given);
  if (!format.success) {
    const text = `format ${JSON.stringify(given.slice(0, 50))} is not known; use png or jpeg.`;
    throw new BoxError(400, 'INVALID_FORMAT', text);
  }
  const image = await screenshot(await service.browser(request.signal), format.data);
  request.response.writeHead(200, { 'content-type': `image/${format.data}`, 'content-length': image.length });
  request.response.end(image);
}

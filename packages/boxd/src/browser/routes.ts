import {
  boxComputerSchema,
  boxControlSchema,
  boxNavigateSchema,
  boxUploadSchema,
  viewportSchema,
} from '@banata/protocol/box';
import type { BoxBrowserState, Viewport } from '@banata/protocol/box';
import { BoxError } from '../http/route.ts';
import type { BoxRequest, BoxRoute } from '../http/route.ts';
import { jsonList, jsonVersion, screenshot, screenshotFormatSchema } from './browser-control.ts';
import type { ScreenshotFormat } from './browser-control.ts';
import type { Computer, DesktopPlace } from './computer/computer.ts';
import type { ControlState } from './control-state.ts';
import type { LiveBrowser } from './desktop.ts';
import type { GiveFiles } from './give-files.ts';
import { checkAddress, navigate } from './navigate.ts';

/** What the routes need of the service. */
export interface BrowserRoutesTarget {
  state(): Promise<BoxBrowserState>;
  browser(signal?: AbortSignal): Promise<LiveBrowser>;
  resize(viewport: Viewport, signal: AbortSignal): Promise<Viewport>;
  desktopPlace(signal: AbortSignal): Promise<DesktopPlace>;
  giveFiles(request: GiveFiles): Promise<{ files: number }>;
  readonly control: ControlState;
  readonly computer: Computer;
}

/** Path of the CDP WebSocket in the daemon's replies; the server puts its own address before it. */
const CDP_PATH = '/browser/cdp';

export function browserRoutes(service: BrowserRoutesTarget): BoxRoute[] {
  return [
    ...computerRoutes(service),
    {
      method: 'PUT',
      path: '/browser/control',
      handle: async (request) => service.control.set(await request.json(boxControlSchema)),
    },
    {
      method: 'POST',
      path: '/browser/files',
      handle: async (request) =>
        service.giveFiles({ ...(await request.json(boxUploadSchema)), signal: request.signal }),
    },
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

function computerRoutes(service: BrowserRoutesTarget): BoxRoute[] {
  return [
    {
      method: 'POST',
      path: '/browser/computer',
      async handle(request) {
        const action = await request.json(boxComputerSchema);
        const mayAct = (): void => service.control.requireAutomation(action.action);
        mayAct();
        return service.computer.act(await service.desktopPlace(request.signal), action, mayAct);
      },
    },
    {
      method: 'GET',
      path: '/browser/computer/cursor',
      handle: async (request) => service.computer.cursor(await service.desktopPlace(request.signal)),
    },
    {
      method: 'GET',
      path: '/browser/computer/screenshot',
      async handle(request) {
        const format = formatOf(request);
        const place = await service.desktopPlace(request.signal);
        return sendImage(request, format, await service.computer.screenshot(place, format));
      },
    },
  ];
}

async function sendScreenshot(service: BrowserRoutesTarget, request: BoxRequest): Promise<undefined> {
  const format = formatOf(request);
  const browser = await service.browser(request.signal);
  const page = await browser.pages.front();
  // A page that shows a dialog is not drawn any more, and the dialog is no part of it.
  if (page && browser.pages.dialogs.isOpen(page.targetId)) {
    const place = await service.desktopPlace(request.signal);
    return sendImage(request, format, await service.computer.screenshot(place, format));
  }
  return sendImage(request, format, await screenshot(browser, format));
}

function formatOf(request: BoxRequest): ScreenshotFormat {
  const given = request.url.searchParams.get('format') ?? 'png';
  const format = screenshotFormatSchema.safeParse(given);
  if (format.success) return format.data;
  const text = `format ${JSON.stringify(given.slice(0, 50))} is not known; use png or jpeg.`;
  throw new BoxError(400, 'INVALID_FORMAT', text);
}

function sendImage({ response }: BoxRequest, format: ScreenshotFormat, image: Buffer): undefined {
  response.writeHead(200, { 'content-type': `image/${format}`, 'content-length': image.length });
  response.end(image);
}

import { ApiError, contract } from '@banata/protocol';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { BrowserService } from '../services/browser.ts';
import type { ControlService } from '../services/control/control-service.ts';
import { findByLink } from '../services/control/find-by-link.ts';
import type { Links } from '../services/links.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { Mount } from './mount.ts';

export interface BrowserRoutesDeps {
  browser: BrowserService;
  controlService: ControlService;
  links: Links;
  sandboxStore: SandboxStore;
}

const routes = contract.browser;

export function mountBrowser(mount: Mount, deps: BrowserRoutesDeps): void {
  mountPreview(mount, deps);
  mountControl(mount, deps);
  mountLinks(mount, deps);
}

function mountPreview(mount: Mount, { browser }: BrowserRoutesDeps): void {
  mount.route(routes.getPreview, ({ caller, query }) => browser.preview(caller, query.id, query.controller));

  mount.route(routes.startPreview, ({ caller, body, signal }) =>
    browser.start({ caller, id: body.id }, signal),
  );

  mount.route(routes.navigatePreview, ({ caller, body: { id, controller, url }, signal }) =>
    browser.navigate({ caller, id, controller }, url, signal),
  );

  mount.route(routes.resizePreview, ({ caller, body: { id, controller, ...size } }) =>
    browser.resize({ caller, id, controller }, size),
  );

  mount.route(routes.filesPreview, ({ caller, body: { id, ...input }, signal }) =>
    browser.giveFiles({ caller, id }, input, signal),
  );

  mount.route(routes.screenshotPreview, async ({ caller, query: { id, format }, signal }) =>
    picture(await browser.screenshot({ caller, id }, { what: 'page', format }, signal), format),
  );
}

function mountControl(mount: Mount, deps: BrowserRoutesDeps): void {
  const { controlService } = deps;
  mount.route(routes.controlPreview, ({ caller, body }) => controlService.setByApi(caller, body));

  mount.route(routes.controlByLink, async ({ query, body }) =>
    controlService.setByLink(await findByToken(deps, query.token, 'view', 'drive'), body),
  );

  mount.route(routes.revokePreview, ({ caller, body }) => controlService.revokeLinks(caller, body.id));
}

function mountLinks(mount: Mount, deps: BrowserRoutesDeps): void {
  const { browser } = deps;
  const byCdpLink = async ({ token }: { token: string }): Promise<{ row: SandboxRow }> =>
    findByToken(deps, token, 'cdp');

  mount.route(routes.viewPreview, async ({ query }) =>
    browser.view(
      await findByToken(deps, query.token, 'view', 'drive'),
      // A viewer without a name is none that has control.
      query.viewer ?? randomBytes(16).toString('hex'),
    ),
  );

  mount.route(routes.startByLink, async ({ query, signal }) => browser.start(await byCdpLink(query), signal));

  mount.route(routes.navigateByLink, async ({ query, body, signal }) =>
    browser.navigate(await byCdpLink(query), body.url, signal),
  );

  mount.route(routes.resizeByLink, async ({ query, body }) => browser.resize(await byCdpLink(query), body));

  mount.route(routes.cdpVersion, async ({ query }) =>
    browser.describeVersion((await byCdpLink(query)).row, query.token),
  );

  mount.route(routes.cdpList, async ({ query }) =>
    browser.describePages((await byCdpLink(query)).row, query.token),
  );

  for (const socket of [routes.cdpSocket, routes.vncSocket]) {
    mount.route(socket, () => {
      throw new ApiError(
        'INVALID_REQUEST',
        `${socket.path} takes a WebSocket; connect to it with ws:// or wss://.`,
      );
    });
  }
}

function findByToken(
  { links, sandboxStore }: BrowserRoutesDeps,
  token: string,
  ...purposes: ('view' | 'drive' | 'cdp')[]
): ReturnType<typeof findByLink> {
  return findByLink({ links, store: sandboxStore }, token, ...purposes);
}

/** A picture as a reply. */
export function picture(body: Readable, format: 'png' | 'jpeg'): Response {
  return new Response(Readable.toWeb(body) as ReadableStream, {
    headers: { 'content-type': `image/${format}` },
  });
}

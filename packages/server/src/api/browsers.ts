import { contract } from '@banata/protocol';
import type { BrowserSessionService } from '../services/browsers/browser-session-service.ts';
import type { Mount } from './mount.ts';
import { preferredWait } from './preferred-wait.ts';

export interface BrowserSessionRoutesDeps {
  browserSessions: BrowserSessionService;
}

export function mountBrowsers(mount: Mount, { browserSessions }: BrowserSessionRoutesDeps): void {
  const { createBrowser, getBrowsers, endBrowser } = contract.browsers;

  mount.route(createBrowser, ({ caller, body, reservation, context, signal }) => {
    const waitMs = preferredWait(context.req.header('prefer'));
    return waitMs === 0
      ? browserSessions.create(caller, body, reservation)
      : browserSessions.createAndWait(caller, body, { reservation, waitMs, signal });
  });

  mount.route(getBrowsers, ({ caller, query: { id, all, limit, cursor } }) =>
    id === undefined
      ? browserSessions.list(caller, { all: all ?? false, limit, cursor })
      : browserSessions.get(caller, id),
  );

  mount.route(endBrowser, ({ caller, query }) => browserSessions.end(caller, query.id));
}

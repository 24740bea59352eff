import { contract } from '@banata/protocol';
import type { BrowserService } from '../services/browser.ts';
import { picture } from './browser.ts';
import type { Mount } from './mount.ts';

export function mountComputer(mount: Mount, { browser }: { browser: BrowserService }): void {
  const routes = contract.computer;
  mount.route(routes.computerMove, ({ caller, body: { id, ...act } }) =>
    browser.act(caller, id, { action: 'move', ...act }),
  );
  mount.route(routes.computerClick, ({ caller, body: { id, ...act } }) =>
    browser.act(caller, id, { action: 'click', ...act }),
  );
  mount.route(routes.computerDrag, ({ caller, body: { id, ...act } }) =>
    browser.act(caller, id, { action: 'drag', ...act }),
  );
  mount.route(routes.computerScroll, ({ caller, body: { id, ...act } }) =>
    browser.act(caller, id, { action: 'scroll', ...act }),
  );
  mount.route(routes.computerType, ({ caller, body: { id, ...act } }) =>
    browser.act(caller, id, { action: 'type', ...act }),
  );
  mount.route(routes.computerKey, ({ caller, body: { id, ...act } }) =>
    browser.act(caller, id, { action: 'key', ...act }),
  );
  mount.route(routes.computerCursor, ({ caller, query }) => browser.cursor(caller, query.id));
  mount.route(routes.computerScreenshot, async ({ caller, query: { id, format }, signal }) =>
    picture(await browser.screenshot({ caller, id }, { what: 'desktop', format }, signal), format),
  );
}

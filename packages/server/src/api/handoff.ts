import { contract } from '@banata/protocol';
import { findByLink } from '../services/control/find-by-link.ts';
import type { HandoffService } from '../services/handoff/handoff-service.ts';
import type { Links } from '../services/links.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import { storableText } from '../stores/text.ts';
import type { Mount } from './mount.ts';

export interface HandoffRoutesDeps {
  handoff: HandoffService;
  links: Links;
  sandboxStore: SandboxStore;
}

const routes = contract.handoff;

/** Name of who accepts by link and gives none. */
const NAMELESS = 'Viewer';

export function mountHandoff(mount: Mount, { handoff, links, sandboxStore }: HandoffRoutesDeps): void {
  mount.route(routes.request, ({ caller, body }) => handoff.request(caller, body));
  mount.route(routes.accept, ({ caller, body }) => handoff.accept(caller, body));
  mount.route(routes.renew, ({ caller, body }) => handoff.renew(caller, body));
  mount.route(routes.complete, ({ caller, body }) => handoff.complete(caller, body));
  mount.route(routes.fill, ({ caller, body }) => handoff.fill(caller, body));
  mount.route(routes.cancel, ({ caller, body }) => handoff.cancel(caller, body));
  mount.route(routes.get, ({ caller, query }) => handoff.get(caller, query.id));
  mount.route(routes.open, ({ caller, query }) => handoff.open(caller, query));
  mount.route(routes.history, ({ caller, query: { id, ...page } }) => handoff.history(caller, id, page));

  const byToken = (token: string): ReturnType<typeof findByLink> =>
    findByLink({ links, store: sandboxStore }, token, 'handoff');

  mount.route(routes.view, async ({ query }) =>
    handoff.viewByLink(await byToken(query.token), query.viewer ?? null),
  );
  mount.route(routes.acceptByLink, async ({ query, body: { viewer, controller = NAMELESS } }) => {
    const act = {
      kind: 'accept',
      controller: storableText(controller),
      holder: viewer,
      leaseMs: undefined,
    } as const;
    return handoff.actByLink(await byToken(query.token), viewer, act);
  });
  mount.route(routes.renewByLink, async ({ query, body: { viewer } }) => {
    const act = { kind: 'renew', person: { holder: viewer }, leaseMs: undefined } as const;
    return handoff.actByLink(await byToken(query.token), viewer, act);
  });
  mount.route(routes.fillByLink, async ({ query, body: { viewer, values, note } }) =>
    handoff.fillByLink(
      await byToken(query.token),
      { controller: NAMELESS, holder: viewer },
      { values, note: note ? storableText(note) : null },
    ),
  );
  mount.route(routes.completeByLink, async ({ query, body: { viewer, outcome, note } }) => {
    const kind = outcome === 'done' ? 'complete' : 'give_up';
    const act = { kind, person: { holder: viewer }, note: note ? storableText(note) : null } as const;
    return handoff.actByLink(await byToken(query.token), viewer, act);
  });
}

import { ApiError } from '@banata/protocol';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Boxes } from '../boxes/boxes.ts';
import type { Logger } from '../logger.ts';
import type { AccessService } from '../services/access.ts';
import type { ActivityService } from '../services/activity.ts';
import type { SessionKeeper } from '../services/browsers/session-keeper.ts';
import type { Links } from '../services/links.ts';
import { requireWorking } from '../services/sandboxes/sandbox-service.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { PreviewGateway } from './previews/preview-gateway.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import { beginsWithInput } from './rfb-input.ts';
import { TERMINAL_PATH, openTerminal } from './terminal.ts';
import { openTunnel } from './tunnel.ts';

export interface UpgradeDeps {
  store: SandboxStore;
  boxes: Boxes;
  access: AccessService;
  links: Links;
  activity: ActivityService;
  previews: PreviewGateway;
  sessionKeeper: SessionKeeper;
  logger: Logger;
}

/** WebSocket routes: path here, purpose of the link it needs, path at the box. */
const routes = {
  '/v1/sandboxes/cdp': { purpose: 'cdp', boxPath: '/browser/cdp', countsAsActivity: () => true },
  // A viewer asks for pictures all the time; only what the person does keeps the sandbox alive.
  '/v1/sandboxes/vnc': { purpose: 'view', boxPath: '/browser/vnc', countsAsActivity: beginsWithInput },
} as const;

function isRoute(path: string): path is keyof typeof routes {
  return Object.hasOwn(routes, path);
}

/** Takes over the server's `upgrade` event. */
export function serveUpgrades(server: Server, deps: UpgradeDeps): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Before anything else: a socket that fails without a listener would end the process.
    socket.on('error', () => socket.destroy());
    upgrade(request, socket, head, deps).catch((error: unknown) => refuseUpgrade(socket, error, deps.logger));
  });
}

async function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  deps: UpgradeDeps,
): Promise<void> {
  const label = deps.previews.labelOf(request);
  if (label !== undefined) return deps.previews.upgrade(request, socket, head, label);
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === TERMINAL_PATH) return openTerminal({ request, socket, head, url }, deps);
  if (!isRoute(url.pathname)) throw new ApiError('ROUTE_NOT_FOUND');
  const { purpose, boxPath, countsAsActivity } = routes[url.pathname];
  const { sandboxId } = deps.links.verify(url.searchParams.get('token'), purpose);
  const row = await deps.store.find(sandboxId);
  if (!row) throw new ApiError('SANDBOX_NOT_FOUND');
  const endpoint = await deps.boxes.endpointOf(requireWorking(row));
  await openTunnel({
    request,
    socket,
    head,
    endpoint,
    path: boxPath,
    signal: deps.boxes.lifeOf(row),
    onClientData: (chunk) => {
      if (countsAsActivity(chunk)) deps.activity.touch(row.paired_with ?? row.id);
      if (purpose === 'cdp') deps.sessionKeeper.clientSpoke(row);
    },
  });
  if (purpose === 'cdp') await deps.sessionKeeper.clientLeft(row);
}

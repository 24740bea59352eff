import { ApiError } from '@banata/protocol';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Boxes } from '../boxes/boxes.ts';
import type { Logger } from '../logger.ts';
import type { AccessService } from '../services/access.ts';
import type { ActivityService } from '../services/activity.ts';
import type { AgentService } from '../services/agent/agent-service.ts';
import type { SessionKeeper } from '../services/browsers/session-keeper.ts';
import type { Links } from '../services/links.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { BrowserConnections } from './browser/browser-connections.ts';
import { openCdp } from './browser/cdp.ts';
import { openVnc } from './browser/vnc.ts';
import type { PreviewGateway } from './previews/preview-gateway.ts';
import { isAgentSocket, openAgentSocket } from './opencode/agent-socket.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';
import { openTerminal } from './terminal.ts';

export interface UpgradeDeps {
  store: SandboxStore;
  boxes: Boxes;
  access: AccessService;
  links: Links;
  activity: ActivityService;
  agent: AgentService;
  previews: PreviewGateway;
  sessionKeeper: SessionKeeper;
  browserConnections: BrowserConnections;
  logger: Logger;
  now: () => number;
}

/** A request for a WebSocket; whoever takes it owns the socket. */
export interface Upgrade {
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
  url: URL;
}

const routes: Record<string, (upgrade: Upgrade, deps: UpgradeDeps) => Promise<void>> = {
  '/v1/sandboxes/cdp': openCdp,
  '/v1/sandboxes/vnc': openVnc,
  '/v1/sandboxes/terminal': openTerminal,
};

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
  if (isAgentSocket(url.pathname)) return openAgentSocket({ request, socket, head, url }, deps);
  const open = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (!open) throw new ApiError('ROUTE_NOT_FOUND');
  await open({ request, socket, head, url }, deps);
}

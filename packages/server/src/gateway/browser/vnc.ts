import { ApiError, normalizeCapabilities, viewerNonceSchema } from '@banata/protocol';
import type { BoxEndpoint } from '@banata/drivers';
import { randomBytes } from 'node:crypto';
import { WebSocket, WebSocketServer } from 'ws';
import { parseInput } from '../../api/parse.ts';
import type { ViewerIdentity } from '../../services/control/control.ts';
import { findByLink } from '../../services/control/find-by-link.ts';
import { requireWorking } from '../../services/sandboxes/sandbox-service.ts';
import type { LinkClaims } from '../../services/secrets.ts';
import { browserError } from '../tunnel.ts';
import type { Upgrade, UpgradeDeps } from '../upgrades.ts';
import { VncSession } from './vnc-session.ts';

const HANDSHAKE_TIMEOUT_MS = 20_000;
/** A viewer's longest message is the clipboard; noVNC joins some small ones. */
const MAX_CLIENT_MESSAGE_BYTES = 1024 * 1024;
/** What the box sends are pieces of a socket's buffer. */
const MAX_BOX_MESSAGE_BYTES = 16 * 1024 * 1024;

const acceptor = (): WebSocketServer =>
  new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_CLIENT_MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
  });

/** Joins a viewer with the desktop of a sandbox. @throws {ApiError} LINK_INVALID, PREVIEW_STREAM_OFF, BROWSER_NOT_READY. */
export async function openVnc({ request, socket, head, url }: Upgrade, deps: UpgradeDeps): Promise<void> {
  const { row, claims } = await findByLink(deps, url.searchParams.get('token'), 'view', 'drive');
  if (!normalizeCapabilities(row.capabilities).browser.streamPreview)
    throw new ApiError('PREVIEW_STREAM_OFF');
  const identity = identityOf(claims, url);
  const box = await connectBox(await deps.boxes.endpointOf(requireWorking(row)));
  const life = deps.boxes.lifeOf(row);
  let accepted = false;
  acceptor().handleUpgrade(request, socket, head, (client) => {
    accepted = true;
    let release = (): void => undefined;
    const onLifeEnd = (): void => session.end('The sandbox ended.', 1001);
    const session = new VncSession({
      client,
      box,
      linksEpoch: claims.epoch,
      identity,
      onAct: () => deps.activity.touch(row.paired_with ?? row.id),
      onEnd: () => {
        life?.removeEventListener('abort', onLifeEnd);
        release();
      },
      now: deps.now,
    });
    life?.addEventListener('abort', onLifeEnd, { once: true });
    // At once, so that the first keys count; changes since the row was read come with the next look at it.
    session.update(row);
    void deps.browserConnections.add(row.id, session).then((remove) => {
      if (client.readyState > client.OPEN) remove();
      else release = remove;
    });
  });
  // A handshake that is not one was answered with an error already.
  if (!accepted) box.terminate();
}

function identityOf({ purpose, key }: LinkClaims, url: URL): ViewerIdentity | null {
  if (purpose !== 'drive') return null;
  const given = url.searchParams.get('viewer');
  const viewer = given === null ? randomBytes(16).toString('hex') : parseInput(viewerNonceSchema, given);
  return { controller: key ?? null, viewer };
}

/** @throws {ApiError} when the box takes no viewer now. */
function connectBox({ host, port, token }: BoxEndpoint): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const box = new WebSocket(`ws://${host}:${port}/browser/vnc`, 'binary', {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      maxPayload: MAX_BOX_MESSAGE_BYTES,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      followRedirects: false,
    });
    // Nothing is read before there is a viewer to send it to.
    box.once('open', () => {
      box.pause();
      resolve(box);
    });
    box.once('unexpected-response', (outgoing, reply) => {
      outgoing.destroy();
      reply.destroy();
      reject(browserError(reply.statusCode ?? 0));
    });
    box.on('error', (cause) => reject(new ApiError('SANDBOX_UNREACHABLE', undefined, { cause })));
  });
}

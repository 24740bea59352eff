import { ApiError } from '@banata/protocol';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Boxes } from '../../boxes/boxes.ts';
import { requirePermission, type AccessService } from '../../services/access.ts';
import type { ActivityService } from '../../services/activity.ts';
import type { AgentService } from '../../services/agent/agent-service.ts';
import { requireWorking } from '../../services/sandboxes/sandbox-service.ts';
import { openTunnel } from '../tunnel.ts';

/** The one WebSocket of the agent's own API: a terminal, `GET /pty/{id}/connect`. */
const SOCKET =
  /^\/v1\/sandboxes\/(?:opencode|agent)\/server\/([a-z0-9]{1,64})(\/pty\/[A-Za-z0-9_-]{1,100}\/connect)$/;

/** Whether a path is that of {@link openAgentSocket}. */
export function isAgentSocket(path: string): boolean {
  return SOCKET.test(path);
}

/**
 * Joins a client with a terminal of the agent. The API key comes in the Authorization header, as for the other routes
 * of the agent's API; it needs the right to execute.
 * @throws {ApiError} UNAUTHORIZED, PERMISSION_DENIED, AGENT_NOT_ENABLED, SANDBOX_UNREACHABLE.
 */
export async function openAgentSocket(
  { request, socket, head, url }: { request: IncomingMessage; socket: Duplex; head: Buffer; url: URL },
  deps: { access: AccessService; agent: AgentService; boxes: Boxes; activity: ActivityService },
): Promise<void> {
  const [, id = '', path = ''] = SOCKET.exec(url.pathname) ?? [];
  const { authorization } = request.headers;
  if (authorization === undefined) throw new ApiError('UNAUTHORIZED');
  const caller = await deps.access.byKey(authorization);
  requirePermission(caller, { auth: 'sandbox_sessions:exec' });
  const row = requireWorking(await deps.agent.requireAgent(caller, id));
  const target = new URLSearchParams({ target: path + url.search });
  await openTunnel({
    request,
    socket,
    head,
    endpoint: await deps.boxes.endpointOf(row),
    path: `/agent/server/socket?${target.toString()}`,
    signal: deps.boxes.lifeOf(row),
    toError: (status) =>
      new ApiError(
        status === 404 ? 'TERMINAL_NOT_FOUND' : 'SANDBOX_UNREACHABLE',
        'The agent refused the terminal.',
      ),
    onClientData: () => deps.activity.touch(row.id),
  });
}

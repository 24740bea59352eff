import { BoxError, type BoxRoute, type BoxUpgrade } from '../../http/route.ts';
import type { AgentRuntime } from '../agent-runtime.ts';
import { forwardToAgent, joinAgentSocket } from './forward.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * `/agent/server?target=…`: the agent's own API. What of it callers may use is decided by the server; the daemon only
 * keeps the agent's password.
 */
export function agentServerRoutes(runtime: () => Promise<AgentRuntime>): BoxRoute[] {
  return METHODS.map((method) => ({
    method,
    path: '/agent/server',
    handle: async ({ url, raw, response, signal }) => {
      const { client } = (await runtime()).connection();
      await forwardToAgent(client, targetOf(url), { request: raw, response, signal });
      return undefined;
    },
  }));
}

/** The same for the agent's terminals. */
export function agentServerUpgrade(runtime: () => Promise<AgentRuntime>): BoxUpgrade {
  return {
    path: '/agent/server/socket',
    handle: (request, socket, head) => {
      runtime()
        .then((agent) => {
          const target = targetOf(new URL(request.url ?? '/', 'http://box'));
          joinAgentSocket(agent.connection().client, target, { request, socket, head });
        })
        .catch(() => {
          socket.end('HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
        });
    },
  };
}

function targetOf(url: URL): string {
  const target = url.searchParams.get('target') ?? '';
  // "//host" would be read as the address of another server.
  if (/^\/(?!\/)/.test(target)) return target;
  throw new BoxError(400, 'INVALID_REQUEST', 'target must be a path of the agent server, such as /session');
}

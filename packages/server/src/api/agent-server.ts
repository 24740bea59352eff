import { defineRoute, type RouteDefinition } from '@banata/protocol';
import type { AgentCall, AgentGateway } from '../gateway/opencode/agent-gateway.ts';
import type { Mount } from './mount.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const PREFIXES = ['/v1/sandboxes/opencode/server/:id', '/v1/sandboxes/agent/server/:id'] as const;

/**
 * The base URL of a sandbox for OpenCode's own clients. Its routes are OpenCode's, so they stand in no contract of
 * ours; `gateway/opencode/route-policy.ts` lists what is offered.
 */
export function mountAgentServer(mount: Mount, { agentGateway }: { agentGateway: AgentGateway }): void {
  for (const method of METHODS) {
    mount.route(routeOf(method), async ({ caller, context, signal }) => {
      const id = context.req.param('id') ?? '';
      const { pathname } = new URL(context.req.url);
      return agentGateway.serve({
        caller,
        sandboxId: id,
        method,
        path: pathname.slice(pathname.indexOf(id) + id.length) || '/',
        query: context.req.query(),
        request: context.env.incoming,
        signal,
      });
    });
  }
}

function routeOf(method: AgentCall['method']): RouteDefinition {
  return defineRoute({
    id: `sandboxes.agent.server.${method.toLowerCase()}`,
    method,
    path: `${PREFIXES[0]}/*`,
    aliases: [`${PREFIXES[1]}/*`],
    tag: 'Agent',
    summary: 'The agent’s own API',
    auth: method === 'GET' ? 'sandbox_sessions:read' : 'sandbox_sessions:exec',
    rateLimit: method === 'GET' ? 'other.read' : 'agent.prompt',
    reply: { kind: 'bytes', description: 'What the agent answers', contentType: 'application/json' },
    errors: [],
  });
}

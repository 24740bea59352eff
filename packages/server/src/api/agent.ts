import { contract } from '@banata/protocol';
import type { AgentAsks } from '../services/agent/agent-asks.ts';
import type { AgentService } from '../services/agent/agent-service.ts';
import { lastEventId } from './sandboxes.ts';
import type { Mount } from './mount.ts';
import type { EventStreams } from './sse.ts';

export function mountAgent(
  mount: Mount,
  { agent, asks, streams }: { agent: AgentService; asks: AgentAsks; streams: EventStreams },
): void {
  const routes = contract.agent;

  mount.route(routes.prompt, ({ caller, body, signal }) => agent.prompt(caller, body, signal));

  mount.route(routes.promptAsync, ({ caller, body, reservation }) =>
    agent.promptAsync(caller, body, reservation),
  );

  mount.route(routes.agentState, ({ caller, query }) => agent.state(caller, query.id));

  mount.route(routes.agentMessages, ({ caller, query: { id, ...options } }) =>
    agent.messages(caller, id, options),
  );

  mount.route(routes.agentEvents, async ({ caller, query, context, signal, recheck }) => {
    const row = await agent.requireAgent(caller, query.id);
    const after = lastEventId(context.req.header('last-event-id')) ?? query.after ?? row.event_seq;
    return streams.response({ sandboxId: row.id, after, prefix: 'sandbox.agent.', signal, recheck });
  });

  mount.route(routes.agentTasks, ({ caller, query: { id, taskId, status, limit, cursor } }) =>
    taskId === undefined
      ? agent.listTasks(caller, id, { status, limit, cursor })
      : agent.task(caller, id, taskId),
  );

  mount.route(routes.cancelTask, ({ caller, body, signal }) =>
    agent.cancel(caller, body.id, body.taskId, signal),
  );

  mount.route(routes.agentAsks, ({ caller, query }) => asks.list(caller, query.id));

  mount.route(routes.answerPermission, ({ caller, body }) => asks.answerPermission(caller, body));

  mount.route(routes.answerQuestion, ({ caller, body }) => asks.answerQuestion(caller, body));

  mount.route(routes.runtimeState, ({ caller, query }) => agent.runtime(caller, query.id));
}

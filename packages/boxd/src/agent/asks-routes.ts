import { boxPermissionReplySchema, boxQuestionReplySchema, type BoxAsks } from '@banata/protocol/box';
import { BoxError, type BoxRoute } from '../http/route.ts';
import type { AgentRuntime } from './agent-runtime.ts';
import { OpenCodeRequestError, type OpenCodeClient } from './opencode/client.ts';

/** What the agent asks people: the list of it, and the answers. */
export function asksRoutes(runtime: () => Promise<AgentRuntime>): BoxRoute[] {
  const client = async (): Promise<OpenCodeClient> => (await runtime()).connection().client;
  return [
    { method: 'GET', path: '/agent/asks', handle: async () => pendingAsks(await runtime()) },
    {
      method: 'POST',
      path: '/agent/asks/permissions/{id}',
      handle: async (request) => {
        const reply = await request.json(boxPermissionReplySchema);
        const { id = '' } = request.params;
        await answered(async () => (await client()).answerPermission(id, reply));
        return {};
      },
    },
    {
      method: 'POST',
      path: '/agent/asks/questions/{id}',
      handle: async (request) => {
        const { answers } = await request.json(boxQuestionReplySchema);
        const { id = '' } = request.params;
        await answered(async () => (await client()).answerQuestion(id, answers));
        return {};
      },
    },
  ];
}

/** OpenCode keeps what an aborted turn asked (1.18.33); nobody waits for those answers any more. */
async function pendingAsks(agent: AgentRuntime): Promise<BoxAsks> {
  // An agent that is still starting, or starts again, waits for nothing.
  if (!agent.isConnected()) return { permissions: [], questions: [] };
  const { client } = agent.connection();
  const [permissions, questions, busy] = await Promise.all([
    client.permissions(),
    client.questions(),
    client.busySessions(),
  ]);
  return {
    permissions: permissions.filter(({ sessionId }) => busy.has(sessionId)),
    questions: questions.filter(({ sessionId }) => busy.has(sessionId)),
  };
}

async function answered(answer: () => Promise<void>): Promise<void> {
  try {
    await answer();
  } catch (error) {
    if (!(error instanceof OpenCodeRequestError) || ![400, 404].includes(error.status)) throw error;
    throw new BoxError(
      404,
      'ASK_NOT_FOUND',
      'the agent does not wait for this answer; list what it waits for',
      {
        cause: error,
      },
    );
  }
}

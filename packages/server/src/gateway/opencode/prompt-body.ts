import { ApiError } from '@banata/protocol';
import { agentNameSchema } from '@banata/protocol/box';
import { z } from 'zod';

/** What a prompt to the agent's own API may hold; the rest has no counterpart in a task and is refused by name. */
const promptBodySchema = z.object({
  parts: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })).min(1),
  agent: agentNameSchema.optional(),
  model: z.object({ providerID: z.string(), modelID: z.string() }).optional(),
  system: z.string().optional(),
  noReply: z.boolean().optional(),
  tools: z.unknown().optional(),
  format: z.unknown().optional(),
});

/** A prompt of OpenCode's API as a task takes it. */
export interface AgentPrompt {
  prompt: string;
  agent: 'build' | 'plan' | undefined;
  /** Id of the model, without its provider. */
  model: string | undefined;
  system: string | undefined;
  noReply: boolean;
}

/**
 * Reads the body of `POST /session/{id}/message` or `/prompt_async` (OpenCode 1.18). Ids that the client chose for the
 * message and its parts are left out: the task's own decide.
 * @throws {ApiError} INVALID_REQUEST, NOT_SUPPORTED.
 */
export function parseAgentPrompt(body: unknown): AgentPrompt {
  const parsed = promptBodySchema.safeParse(body);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] ?? { path: [], message: 'is malformed' };
    throw new ApiError('INVALID_REQUEST', `${path.join('.') || 'body'}: ${message}`);
  }
  const { parts, agent, model, system, noReply = false, tools, format } = parsed.data;
  if (tools !== undefined) throw notSupported('tools', 'Set capabilities.agent.permissions instead.');
  if (format !== undefined)
    throw notSupported('format', 'Ask for a structured answer with responseSchema of the API.');
  const other = parts.find((part) => part.type !== 'text');
  if (other) throw notSupported(`parts of type ${other.type.slice(0, 40)}`, 'Send text parts only.');
  const prompt = parts.map((part) => part.text ?? '').join('\n');
  if (prompt.trim() === '')
    throw new ApiError('INVALID_REQUEST', 'The prompt is empty; send at least one text part.');
  return { prompt, agent, model: model?.modelID, system, noReply };
}

function notSupported(what: string, suggestion: string): ApiError {
  return new ApiError('NOT_SUPPORTED', `${what} cannot be sent through this server.`, {
    details: { suggestion },
  });
}

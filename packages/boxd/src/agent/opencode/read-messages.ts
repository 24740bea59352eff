import type { AgentMessage } from '@banata/protocol/box';
import { BoxError } from '../../http/route.ts';
import { agentMessage } from '../events/message-part.ts';
import { OpenCodeRequestError, type OpenCodeClient } from './client.ts';

/** Which messages of a session: the newest ones, or those before a cursor. */
export interface MessagesQuery {
  limit: number;
  /** `nextCursor` of another page; null for the newest messages. */
  cursor: string | null;
}

/** Messages, oldest first. */
export interface MessagesPage {
  messages: AgentMessage[];
  /** Where the older ones are; null when there are none. */
  nextCursor: string | null;
}

/** Messages are left out, the oldest first, once a reply is this long; the next page has them. */
const MAX_MESSAGES_BYTES = 8 * 1024 * 1024;

/** A page of a session's messages. Throws a {@link BoxError} 404 or 400 for a session or cursor that is not there. */
export async function readMessages(
  client: OpenCodeClient,
  sessionId: string,
  { limit, cursor }: MessagesQuery,
): Promise<MessagesPage> {
  try {
    const page = await client.messagePage(sessionId, { limit, before: cursor });
    const messages = bounded(page.messages.map(agentMessage));
    if (messages.length === page.messages.length) return { messages, nextCursor: page.nextCursor };
    // The agent server's cursor stands before what it gave: only as much as is kept.
    const kept = await client.messagePage(sessionId, { limit: messages.length, before: cursor });
    return { messages, nextCursor: kept.nextCursor };
  } catch (error) {
    if (!(error instanceof OpenCodeRequestError) || ![400, 404].includes(error.status)) throw error;
    if (error.status === 404 || cursor === null) {
      const message = `sessionId: there is no agent session ${sessionId.slice(0, 100)}`;
      throw new BoxError(404, 'SESSION_NOT_FOUND', message, { cause: error });
    }
    const message = 'cursor: it is none of this session; take nextCursor of the page before';
    throw new BoxError(400, 'INVALID_REQUEST', message, { cause: error });
  }
}

function bounded(messages: AgentMessage[]): AgentMessage[] {
  const kept: AgentMessage[] = [];
  let size = 0;
  for (const message of messages.toReversed()) {
    size += JSON.stringify(message).length;
    if (size > MAX_MESSAGES_BYTES && kept.length > 0) break;
    kept.unshift(message);
  }
  return kept;
}

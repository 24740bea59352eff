import { createHash } from 'node:crypto';
import type { BoxEventBody } from '@banata/protocol/box';
import type { OpenCodeEvent, OpenCodeMessage, OpenCodePart, SessionStatus } from '../opencode/schemas.ts';
import { messagePart } from './message-part.ts';
import type { EventPublisher } from './publisher.ts';
import { TextJoiner } from './text-joiner.ts';

/** A running tool's output grows many times a second; people are shown it at this pace. */
const RUNNING_OUTPUT_MS = 500;

type OpenCodeAsk = Extract<OpenCodeEvent, { type: `permission.${string}` | `question.${string}` }>;

interface ShownPart {
  digest: string;
  status: string;
  at: number;
}

/**
 * Turns what OpenCode says about one session during one turn into entries of the box's journal. Each state of a part
 * is shown once, whether it came from the stream or from the list of messages at the end.
 */
export class TurnTranslator {
  readonly #publisher: EventPublisher;
  readonly #session: { sessionId: string; taskId: string };
  readonly #joiner: TextJoiner;
  /** Ids of the assistant's messages: the user's own text is not news. */
  readonly #answers = new Set<string>();
  readonly #textParts = new Set<string>();
  readonly #shown = new Map<string, ShownPart>();
  #status = '';

  constructor(publisher: EventPublisher, sessionId: string, taskId: string) {
    this.#publisher = publisher;
    this.#session = { sessionId, taskId };
    this.#joiner = new TextJoiner((piece) => {
      this.#publisher.publishProgress({ type: 'agent.text.delta', data: { ...this.#session, ...piece } });
    });
  }

  /** Takes an event of this session. */
  see(event: OpenCodeEvent): void {
    switch (event.type) {
      case 'message.updated':
        if (event.properties.info.role === 'assistant') this.#answers.add(event.properties.info.id);
        break;
      case 'message.part.updated':
        this.#seePart(event.properties.part);
        break;
      case 'message.part.delta':
        this.#seeDelta(event.properties);
        break;
      case 'session.status':
        this.seeStatus(event.properties.status);
        break;
      case 'todo.updated': {
        const { todos } = event.properties;
        this.#joiner.flush();
        this.#publisher.publishProgress({ type: 'agent.todo', data: { ...this.#session, todos } });
        break;
      }
      case 'permission.asked':
      case 'permission.replied':
      case 'question.asked':
      case 'question.replied':
      case 'question.rejected':
        this.#seeAsk(event);
        break;
      default:
        break;
    }
  }

  /** What the agent asks people, and their answers; subagents ask too. */
  #seeAsk(event: OpenCodeAsk): void {
    this.#joiner.flush();
    const { taskId } = this.#session;
    const publish = (body: BoxEventBody): void => void this.#publisher.publish(body);
    switch (event.type) {
      case 'permission.asked':
        publish({ type: 'agent.permission.requested', data: { ...event.properties, taskId } });
        break;
      case 'question.asked':
        publish({ type: 'agent.question.asked', data: { ...event.properties, taskId } });
        break;
      case 'permission.replied': {
        const { sessionID: sessionId, requestID: permissionId, reply: answer } = event.properties;
        publish({ type: 'agent.permission.answered', data: { sessionId, taskId, permissionId, answer } });
        break;
      }
      case 'question.replied':
      case 'question.rejected': {
        const { sessionID: sessionId, requestID: questionId } = event.properties;
        const answers = event.type === 'question.replied' ? event.properties.answers : null;
        publish({ type: 'agent.question.answered', data: { sessionId, taskId, questionId, answers } });
        break;
      }
    }
  }

  seeStatus(status: SessionStatus): void {
    const message = status.type === 'retry' ? status.message.slice(0, 1000) : null;
    const key = status.type === 'retry' ? `retry ${status.attempt}` : status.type;
    if (key === this.#status) return;
    this.#status = key;
    this.#joiner.flush();
    const data = { ...this.#session, status: status.type, message };
    void this.#publisher.publish({ type: 'agent.status', data });
  }

  /** Shows what the stream did not bring, at the end of the turn. */
  catchUp(turn: OpenCodeMessage[]): void {
    this.#joiner.flush();
    for (const { info, parts } of turn) {
      if (info.role !== 'assistant') continue;
      for (const part of parts) this.#showPart(part);
    }
  }

  #seePart(part: OpenCodePart): void {
    if (!this.#answers.has(part.messageID)) return;
    if (part.type === 'text') this.#textParts.add(part.id);
    // Text and reasoning come in pieces first; the part counts when it is whole.
    if (part.type === 'tool' || part.time?.end !== undefined) this.#showPart(part);
  }

  #seeDelta(delta: { messageID: string; partID: string; field: string; delta: string }): void {
    if (delta.field !== 'text' || !this.#textParts.has(delta.partID)) return;
    this.#joiner.add({ messageId: delta.messageID, partId: delta.partID, text: delta.delta });
  }

  #showPart(part: OpenCodePart): void {
    if (part.type !== 'tool' && part.text === '') return;
    const shown = messagePart(part);
    const digest = createHash('sha1').update(JSON.stringify(shown)).digest('base64');
    const status = part.type === 'tool' ? part.state.status : 'written';
    const earlier = this.#shown.get(part.id);
    if (earlier?.digest === digest) return;
    const now = Date.now();
    if (status === 'running' && earlier?.status === 'running' && now - earlier.at < RUNNING_OUTPUT_MS) return;
    this.#joiner.flush();
    const data: Extract<BoxEventBody, { type: 'agent.part' }>['data'] = {
      ...this.#session,
      messageId: part.messageID,
      part: shown,
    };
    if (this.#publisher.publishProgress({ type: 'agent.part', data })) {
      this.#shown.set(part.id, { digest, status, at: now });
    }
  }
}

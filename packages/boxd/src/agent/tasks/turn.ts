import type { BoxTask, BoxTaskRequest, TaskUsage } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxLogger } from '../../services.ts';
import type { EventPublisher } from '../events/publisher.ts';
import { TurnTranslator } from '../events/turn-translator.ts';
import { OpenCodeRequestError } from '../opencode/client.ts';
import type {
  OpenCodeError,
  OpenCodeEvent,
  OpenCodeMessage,
  OpenCodePart,
  SessionStatus,
} from '../opencode/schemas.ts';
import type { AgentConnection } from '../server/connection.ts';
import { BROWSER_MCP } from '../server/opencode-config.ts';
import { problemOfBudget } from './budget.ts';
import { judgeTurn, messagesOfTurn, resultTextOf, type Verdict } from './judge-turn.ts';
import type { TaskLimits } from './limits.ts';
import { type StopReason, stopReasonOf } from './stop-reason.ts';
import type { TaskError } from './task-error.ts';
import { addUsage, UsageLedger } from './usage-ledger.ts';

export interface TurnOptions {
  connection: AgentConnection;
  publisher: EventPublisher;
  logger: BoxLogger;
  limits: TaskLimits;
  taskId: string;
  sessionId: string;
  /** Newest message before the prompt. */
  lastMessageBefore: string | null;
  /** Called when a tool call failed as it does when the browser tools are gone; returns at once. */
  repairTools: () => void;
  /** What the task may use, and what its turns before this one used. */
  budget: BoxTaskRequest['budget'];
  spent: TaskUsage;
  /** Told of each state of each tool call, of subagents too; may hear of the same one twice. */
  onTool: (part: ToolPart, ofSubagent: boolean) => void;
}

type ToolPart = Extract<OpenCodePart, { type: 'tool' }>;

export type TurnOutcome =
  | {
      status: 'completed';
      resultText: string;
      structured?: BoxTask['structured'];
      /** Its last use of the browser was refused. */
      heldBack?: boolean;
      usage: TaskUsage;
    }
  | { status: 'failed' | 'cancelled'; resultText: string | null; error: TaskError | null; usage: TaskUsage }
  /** The agent server went away; what its session holds decides. */
  | { status: 'lost'; usage: TaskUsage }
  | { status: 'shutdown' };

/** A turn makes at most this many messages: the bound on model answers, with room for what OpenCode adds. */
export const MESSAGES_PER_TURN = 260;

/** Follows one turn of a session, from before its prompt until the session rests. */
export class Turn {
  readonly #options: TurnOptions;
  readonly #translator: TurnTranslator;
  readonly #ledger = new UsageLedger();
  /** The session and those of its subagents. */
  readonly #sessions: Set<string>;
  readonly #unsubscribe: () => void;
  #sessionError: OpenCodeError | null = null;
  #ownStop: StopReason | null = null;
  /** Set when something happened that is worth a look before the next poll. */
  #woken = false;
  #endPause: () => void = () => undefined;

  /** Listens from here on, so that nothing of the turn is missed. */
  constructor(options: TurnOptions) {
    this.#options = options;
    this.#sessions = new Set([options.sessionId]);
    this.#translator = new TurnTranslator(options.publisher, options.sessionId, options.taskId);
    this.#unsubscribe = options.connection.events.subscribe((event) => this.#see(event));
  }

  /** Ends the subscription. */
  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  /** Resolves when the turn is over, whichever way. `signal` carries a {@link TaskStopped}. */
  async finish(signal: AbortSignal): Promise<TurnOutcome> {
    const { closed } = this.#options.connection;
    const wake = (): void => this.#wake();
    if (signal.aborted || closed.aborted) wake();
    signal.addEventListener('abort', wake);
    closed.addEventListener('abort', wake);
    try {
      return await this.#follow(signal);
    } finally {
      signal.removeEventListener('abort', wake);
      closed.removeEventListener('abort', wake);
    }
  }

  /** Judges a turn that is not running any more; null when its messages do not end it. */
  judge(turn: OpenCodeMessage[]): TurnOutcome | null {
    this.#countAll(turn);
    const verdict = judgeTurn(turn, null);
    this.#translator.catchUp(turn);
    return verdict.status === 'open' ? null : this.#ended(verdict);
  }

  /** What the turn used, as far as it was seen. */
  usage(): TaskUsage {
    return this.#ledger.total();
  }

  async #follow(signal: AbortSignal): Promise<TurnOutcome> {
    const { connection, limits } = this.#options;
    let answeredAt = performance.now();
    let restingSince: number | null = null;
    for (;;) {
      // A session at rest without its last message is between two writes: look again soon.
      await this.#pause(restingSince === null ? limits.pollMs : Math.min(100, limits.pollMs));
      const stop = stopReasonOf(signal) ?? this.#ownStop;
      if (stop !== null) return this.#stopped(stop);
      if (connection.closed.aborted) return { status: 'lost', usage: this.#ledger.total() };
      const look = await this.#look();
      const now = performance.now();
      if (look !== 'unanswered') answeredAt = now;
      else if (now - answeredAt > limits.unresponsiveMs) connection.kill('it no longer answers');
      if (typeof look === 'object') return this.#ended(look);
      restingSince = look === 'resting' ? (restingSince ?? now) : null;
      if (restingSince !== null && now - restingSince > limits.noAnswerMs) return this.#noAnswer();
    }
  }

  /** One look at the session: a verdict when it rests and its messages end the turn. */
  async #look(): Promise<'working' | 'resting' | 'unanswered' | Exclude<Verdict, { status: 'open' }>> {
    const { connection, sessionId, limits, logger } = this.#options;
    try {
      const status = await connection.client.sessionStatus(sessionId);
      this.#translator.seeStatus(status);
      if (status.type === 'retry' && status.next - Date.now() > limits.retryPauseMs) {
        this.#ownStop = { kind: 'failed', error: waitsTooLong(status.next, status.message) };
        this.#wake();
        return 'working';
      }
      if (status.type !== 'idle') return 'working';
      const turn = await this.#turnMessages();
      const verdict = judgeTurn(turn, this.#sessionError);
      if (verdict.status === 'open') return 'resting';
      this.#translator.catchUp(turn);
      return verdict;
    } catch (error) {
      if (!connection.closed.aborted) logger.warn('agent.turn.look', { sessionId, reason: String(error) });
      return error instanceof OpenCodeRequestError && error.status >= 400 ? 'working' : 'unanswered';
    }
  }

  async #turnMessages(): Promise<OpenCodeMessage[]> {
    const { connection, sessionId, lastMessageBefore } = this.#options;
    const messages = await connection.client.messages(sessionId, MESSAGES_PER_TURN);
    const turn = messagesOfTurn(messages, lastMessageBefore);
    this.#countAll(turn);
    return turn;
  }

  #countAll(turn: OpenCodeMessage[]): void {
    for (const { info, parts } of turn) {
      if (info.role === 'assistant') this.#ledger.see(info);
      // Whatever the event stream left out.
      for (const part of parts) if (part.type === 'tool') this.#options.onTool(part, false);
    }
  }

  #ended(verdict: Exclude<Verdict, { status: 'open' }>): TurnOutcome {
    return { ...verdict, usage: this.#ledger.total() };
  }

  #noAnswer(): TurnOutcome {
    const message = 'the agent ended its turn without an answer; send the prompt again';
    return {
      status: 'failed',
      resultText: null,
      error: { code: 'AGENT_ERROR', message },
      usage: this.#ledger.total(),
    };
  }

  async #stopped(stop: StopReason): Promise<TurnOutcome> {
    if (stop.kind === 'shutdown') return { status: 'shutdown' };
    const { connection, sessionId, limits, logger } = this.#options;
    let resultText: string | null = null;
    let trouble = '';
    try {
      trouble = troubleOf(await connection.client.sessionStatus(sessionId));
      await connection.client.abort(sessionId);
      if (!(await whenAtRest(connection, sessionId, limits.settleMs))) {
        logger.warn('agent.turn.abort', { sessionId, reason: 'the session is still busy' });
      }
      const turn = await this.#turnMessages();
      this.#translator.catchUp(turn);
      resultText = resultTextOf(turn);
    } catch (error) {
      // The task ends all the same; the next prompt of the session waits for it to rest.
      logger.warn('agent.turn.abort', { sessionId, reason: String(error) });
    }
    const usage = this.#ledger.total();
    if (stop.kind === 'cancelled') return { status: 'cancelled', resultText, error: null, usage };
    const { code, message } = stop.error;
    const why = code === 'TASK_TIMEOUT' ? message + trouble : message;
    return { status: 'failed', resultText, error: { code, message: why }, usage };
  }

  #see(event: OpenCodeEvent): void {
    if (event.type === 'session.created') {
      const { id, parentID } = event.properties.info;
      if (parentID !== undefined && this.#sessions.has(parentID)) this.#sessions.add(id);
      return;
    }
    const sessionId = sessionOf(event);
    if (sessionId === undefined || !this.#sessions.has(sessionId)) return;
    this.#count(event);
    const ofSubagent = sessionId !== this.#options.sessionId;
    if (event.type === 'message.part.updated' && event.properties.part.type === 'tool')
      this.#options.onTool(event.properties.part, ofSubagent);
    // What subagents write reaches people as the output of the `task` tool; what they ask, as their own.
    if (ofSubagent && !isAsk(event)) return;
    this.#translator.see(event);
    if (isToolTrouble(event)) this.#options.repairTools();
    if (event.type === 'session.error') this.#sessionError = event.properties.error ?? null;
    if (event.type === 'session.idle' || isRetry(event)) this.#wake();
  }

  #count(event: OpenCodeEvent): void {
    if (event.type !== 'message.updated' || event.properties.info.role !== 'assistant') return;
    this.#ledger.see(event.properties.info);
    if (this.#ownStop !== null) return;
    const { limits, budget, spent } = this.#options;
    const over = problemOfBudget(budget, this.#ledger.begun, addUsage(spent, this.#ledger.total()));
    if (over !== null) {
      this.#ownStop = { kind: 'failed', error: { code: 'BUDGET_EXCEEDED', message: over } };
      this.#wake();
      return;
    }
    const { modelCalls } = limits;
    if (this.#ledger.begun <= modelCalls) return;
    const message = `the task made more than ${modelCalls} model requests and was ended; give it a smaller goal`;
    this.#ownStop = { kind: 'failed', error: { code: 'MODEL_CALL_LIMIT', message } };
    this.#wake();
  }

  #wake(): void {
    this.#woken = true;
    this.#endPause();
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#endPause = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#woken = false;
  }
}

function isAsk({ type }: OpenCodeEvent): boolean {
  return type.startsWith('permission.') || type.startsWith('question.');
}

function isRetry(event: OpenCodeEvent): boolean {
  return event.type === 'session.status' && event.properties.status.type === 'retry';
}

/** A tool that is gone is called `invalid`; one that just went answers an error. */
function isToolTrouble(event: OpenCodeEvent): boolean {
  if (event.type !== 'message.part.updated' || event.properties.part.type !== 'tool') return false;
  const { tool, state } = event.properties.part;
  return tool === 'invalid' || (tool.startsWith(`${BROWSER_MCP}_`) && state.status === 'error');
}

function sessionOf(event: OpenCodeEvent): string | undefined {
  switch (event.type) {
    case 'message.updated':
      return event.properties.info.sessionID;
    case 'message.part.updated':
      return event.properties.part.sessionID;
    case 'server.connected':
    case 'server.heartbeat':
    case 'session.created':
      return undefined;
    case 'permission.asked':
    case 'question.asked':
      return event.properties.sessionId;
    default:
      return event.properties.sessionID;
  }
}

/** What kept a session from going on, to be put behind the reason why it was stopped. */
function troubleOf(status: SessionStatus): string {
  if (status.type !== 'retry') return '';
  return `; it was about to ask the model again, which had answered: ${status.message.slice(0, 500)}`;
}

function waitsTooLong(next: number, message: string): TaskError {
  const seconds = Math.round((next - Date.now()) / 1000);
  return {
    code: 'MODEL_RATE_LIMITED',
    message: `the model provider asks to wait ${seconds} s before the next request: ${message.slice(0, 500)}`,
  };
}

/** Waits until a session is not busy; false when it still is after `limitMs`. */
export async function whenAtRest(
  connection: AgentConnection,
  sessionId: string,
  limitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const status = await connection.client.sessionStatus(sessionId);
    if (status.type === 'idle') return true;
    if (performance.now() >= deadline || connection.closed.aborted) return false;
    await sleep(50);
  }
}

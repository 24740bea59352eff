import type { TaskUsage } from '@banata/protocol/box';
import type { Account, BoxLogger, BrowserService } from '../../services.ts';
import type { EventPublisher } from '../events/publisher.ts';
import { OpenCodeRequestError, type OpenCodePrompt } from '../opencode/client.ts';
import type { OpenCodePart } from '../opencode/schemas.ts';
import type { AgentConnection } from '../server/connection.ts';
import { AgentUnavailableError } from '../server/supervisor.ts';
import { findAttachments } from './attachments.ts';
import { messagesOfTurn } from './judge-turn.ts';
import type { TaskLimits } from './limits.ts';
import { stopReasonOf } from './stop-reason.ts';
import type { TaskError, TaskErrorCode } from './task-error.ts';
import {
  answerInstructions,
  problemOfSchema,
  readStructuredAnswer,
  sendBackText,
} from './structured-answer.ts';
import { NO_USAGE, type TaskRecord } from './task-record.ts';
import { MESSAGES_PER_TURN, Turn, type TurnOutcome, whenAtRest } from './turn.ts';
import { addUsage } from './usage-ledger.ts';

/** What a running task needs of the agent. */
export interface TaskContext {
  publisher: EventPublisher;
  logger: BoxLogger;
  limits: TaskLimits;
  /** Folder that the paths of attachments are relative to. */
  workspace: string;
  /** Account that the agent reads them with. */
  account: Account;
  /** Where programs are found. */
  path: string;
  /** Provider of the configured models, as OpenCode's configuration names it. */
  providerId(): string;
  /** Waits for the agent server; rejects with {@link AgentUnavailableError}. */
  whenReady(timeoutMs: number, signal: AbortSignal): Promise<AgentConnection>;
  /** Sees to it that the browser and its tools are there, as far as the sandbox has them; bounded, never rejects. */
  prepareTools(connection: AgentConnection, signal: AbortSignal): Promise<void>;
  /** Does the same for tools that broke in the middle of a turn; returns at once. */
  repairTools(connection: AgentConnection): void;
  /** The live browser, for what is done in it without a model. */
  browser(): BrowserService;
  /** Told of each state of each tool call, of subagents too; returns at once. */
  onTool(part: Extract<OpenCodePart, { type: 'tool' }>, ofSubagent: boolean): void;
  /** Makes a change of the record durable, then visible. */
  save(record: TaskRecord): Promise<void>;
}

const TITLE_LENGTH = 80;
const START_ATTEMPTS = 3;

/** Runs a task from its place in the journal to an outcome; never rejects but for a journal that cannot be written. */
export async function runTask(
  context: TaskContext,
  record: TaskRecord,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  try {
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted();
      const connection = await context.whenReady(context.limits.agentStartMs, signal);
      // Nobody knows whether a prompt that was on its way at a crash has arrived: it is never sent twice.
      if (record.promptedAt !== null) {
        const resumed = await resumeTask(context, record, connection, signal);
        return await withStructuredAnswer(context, record, resumed, signal);
      }
      try {
        const outcome = await promptAndFollow(context, record, connection, signal);
        return await withStructuredAnswer(context, record, outcome, signal);
      } catch (error) {
        // A server that went away before it was given the prompt has a successor.
        if (record.promptedAt !== null || !connection.closed.aborted || attempt === START_ATTEMPTS)
          throw error;
      }
    }
  } catch (error) {
    return outcomeOfError(error, signal);
  }
}

/** The end of a task that could not be done. */
export function failed(code: TaskErrorCode, message: string): TurnOutcome {
  return { status: 'failed', resultText: null, error: { code, message }, usage: NO_USAGE };
}

/** The end of a task whose work threw: why it was stopped, where it was; else what went wrong. */
export function outcomeOfError(error: unknown, signal: AbortSignal): TurnOutcome {
  const stop = stopReasonOf(signal);
  if (stop?.kind === 'shutdown') return { status: 'shutdown' };
  if (stop?.kind === 'cancelled')
    return { status: 'cancelled', resultText: null, error: null, usage: NO_USAGE };
  if (stop?.kind === 'failed') return failed(stop.error.code, stop.error.message);
  if (error instanceof AgentUnavailableError) {
    return failed('AGENT_UNAVAILABLE', `the agent is not running: ${error.message}`);
  }
  const message = error instanceof Error ? error.message : String(error);
  return failed('AGENT_ERROR', message.slice(0, 1000));
}

/** Rejects with the signal's reason as soon as it aborts; the work goes on by itself, within its own bounds. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function titleOf(prompt: string): string {
  const line = prompt.split('\n').find((text) => text.trim() !== '') ?? 'Task';
  return line.trim().slice(0, TITLE_LENGTH);
}

async function promptAndFollow(
  context: TaskContext,
  record: TaskRecord,
  connection: AgentConnection,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const { request } = record;
  const attachments = await findAttachments(request.files, context);
  if (attachments.missing !== null) {
    return failed(
      'FILE_NOT_FOUND',
      `there is no file ${attachments.missing} that the sandbox's user may read, to go with the prompt`,
    );
  }
  const problem = request.responseSchema && problemOfSchema(request.responseSchema);
  if (problem !== null) {
    return failed('RESPONSE_SCHEMA_INVALID', `responseSchema is no JSON schema (draft 2020-12): ${problem}`);
  }
  await untilAborted(context.prepareTools(connection, signal), signal);
  if (!(await untilAborted(connection.events.whenConnected(5_000), signal)))
    context.logger.warn('agent.events.late', {});
  const target = await findSession(context, record, connection);
  if ('status' in target) return target;
  signal.throwIfAborted();
  const { sessionId, lastMessageBefore } = target;
  using turn = openTurn(context, record, connection, { sessionId, lastMessageBefore });
  record.task = { ...record.task, status: 'running', sessionId, startedAt: Date.now() };
  record.promptedAt = record.task.startedAt;
  record.lastMessageBefore = lastMessageBefore;
  await context.save(record);
  const prompt = promptOf(context, record, attachments.found);
  if (request.noReply) {
    await connection.client.addContext(sessionId, prompt);
    return { status: 'completed', resultText: '', usage: NO_USAGE };
  }
  await sendPrompt(context, record, connection, prompt);
  return settle(context, record, await turn.finish(signal), signal);
}

/** Sends a prompt to the task's session. */
async function sendPrompt(
  { logger }: TaskContext,
  { task }: TaskRecord,
  connection: AgentConnection,
  prompt: OpenCodePrompt,
): Promise<void> {
  try {
    await connection.client.prompt(task.sessionId ?? '', prompt);
  } catch (error) {
    // Anything but a refusal may have arrived: the turn then shows, or its absence does.
    if (error instanceof OpenCodeRequestError && error.status >= 400) throw error;
    logger.warn('agent.prompt.unsure', { taskId: task.taskId, reason: String(error) });
  }
}

function promptOf(
  context: TaskContext,
  { request }: TaskRecord,
  files: OpenCodePrompt['files'],
): OpenCodePrompt {
  const { responseSchema, system, agent, model } = request;
  const parts = [system, responseSchema && answerInstructions(responseSchema)];
  return {
    text: request.prompt,
    agent,
    system: parts.filter((part) => part !== null).join('\n\n') || null,
    model: model === null ? null : { providerID: context.providerId(), modelID: model },
    files,
  };
}

/**
 * Reads the structured answer out of a finished turn. One that does not fit is sent back once; the record says so, so
 * that a crash in between does not send it back again.
 */
async function withStructuredAnswer(
  context: TaskContext,
  record: TaskRecord,
  outcome: TurnOutcome,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const { responseSchema } = record.request;
  if (responseSchema === null || outcome.status !== 'completed') return outcome;
  const answer = readStructuredAnswer(outcome.resultText, responseSchema);
  if (answer.ok) return { ...outcome, structured: answer.value };
  if (record.answerSentBack) {
    const message = `the final answer does not fit responseSchema: ${answer.problem}; ask for less in one answer`;
    const { resultText, usage } = outcome;
    return { status: 'failed', resultText, error: { code: 'ANSWER_MISMATCH', message }, usage };
  }
  const next = await sendBack(context, record, { outcome, problem: answer.problem }, signal);
  const judged = await withStructuredAnswer(context, record, next, signal);
  if (judged.status === 'shutdown' || judged.status === 'lost') return judged;
  return { ...judged, usage: addUsage(outcome.usage, judged.usage) };
}

async function sendBack(
  context: TaskContext,
  record: TaskRecord,
  { outcome, problem }: { outcome: { usage: TaskUsage }; problem: string },
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const connection = await context.whenReady(context.limits.agentStartMs, signal);
  const sessionId = record.task.sessionId ?? '';
  const [last] = await connection.client.messages(sessionId, 1);
  record.answerSentBack = true;
  record.task = { ...record.task, usage: outcome.usage };
  await context.save(record);
  using turn = openTurn(context, record, connection, {
    sessionId,
    lastMessageBefore: last?.info.id ?? null,
  });
  const prompt = { ...promptOf(context, record, []), text: sendBackText(problem) };
  await sendPrompt(context, record, connection, prompt);
  return settle(context, record, await turn.finish(signal), signal);
}

/** Puts a prompt into the task's session, a new one if it has none yet, and follows its turn. */
export async function askModel(
  context: TaskContext,
  record: TaskRecord,
  text: string,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const connection = await context.whenReady(context.limits.agentStartMs, signal);
  await untilAborted(context.prepareTools(connection, signal), signal);
  if (!(await untilAborted(connection.events.whenConnected(5_000), signal)))
    context.logger.warn('agent.events.late', {});
  const sessionId = record.task.sessionId ?? (await connection.client.createSession(titleOf(text))).id;
  const [last] = await connection.client.messages(sessionId, 1);
  record.task = { ...record.task, sessionId };
  record.lastMessageBefore = last?.info.id ?? null;
  await context.save(record);
  const { lastMessageBefore } = record;
  using turn = openTurn(context, record, connection, { sessionId, lastMessageBefore });
  await sendPrompt(context, record, connection, { ...promptOf(context, record, []), text });
  return settle(context, record, await turn.finish(signal), signal);
}

function openTurn(
  context: TaskContext,
  record: TaskRecord,
  connection: AgentConnection,
  target: Target,
): Turn {
  const repairTools = (): void => context.repairTools(connection);
  const { taskId, usage: spent } = record.task;
  const { budget } = record.request;
  return new Turn({ ...context, ...target, connection, taskId, repairTools, budget, spent });
}

type Target = { sessionId: string; lastMessageBefore: string | null };

async function findSession(
  context: TaskContext,
  record: TaskRecord,
  connection: AgentConnection,
): Promise<Target | TurnOutcome> {
  const { sessionId } = record.request;
  if (sessionId === null) {
    const session = await connection.client.createSession(titleOf(record.request.prompt));
    return { sessionId: session.id, lastMessageBefore: null };
  }
  try {
    if (!(await whenAtRest(connection, sessionId, context.limits.settleMs))) {
      return failed(
        'SESSION_BUSY',
        `session ${sessionId} is still busy with other work; try again when it is idle`,
      );
    }
    const [last] = await connection.client.messages(sessionId, 1);
    return { sessionId, lastMessageBefore: last?.info.id ?? null };
  } catch (error) {
    if (!(error instanceof OpenCodeRequestError) || ![400, 404].includes(error.status)) throw error;
    return failed(
      'SESSION_NOT_FOUND',
      `there is no session ${sessionId}; leave sessionId out to start a new one`,
    );
  }
}

/** A turn whose agent server went away is judged by what the session holds under the next one. */
async function settle(
  context: TaskContext,
  record: TaskRecord,
  outcome: TurnOutcome,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  if (outcome.status !== 'lost') return outcome;
  const connection = await context.whenReady(context.limits.agentStartMs, signal);
  const judged = await resumeTask(context, record, connection, signal);
  if (judged.status === 'shutdown' || judged.status === 'lost') return judged;
  const { usage } = judged.usage.modelCalls > outcome.usage.modelCalls ? judged : outcome;
  return { ...judged, usage };
}

/** Goes on with a turn that was prompted before: follows it when it still runs, judges it when it does not. */
async function resumeTask(
  context: TaskContext,
  record: TaskRecord,
  connection: AgentConnection,
  signal: AbortSignal,
): Promise<TurnOutcome> {
  const { sessionId } = record.task;
  const { lastMessageBefore } = record;
  if (sessionId === null) return failed('AGENT_CRASHED', 'the agent ended before the task had a session');
  if (record.request.noReply) {
    return failed(
      'AGENT_CRASHED',
      'the agent ended while the context was added; look at the messages before adding it again',
    );
  }
  using turn = openTurn(context, record, connection, { sessionId, lastMessageBefore });
  const status = await connection.client.sessionStatus(sessionId);
  if (status.type !== 'idle') return settle(context, record, await turn.finish(signal), signal);
  const messages = await connection.client.messages(sessionId, MESSAGES_PER_TURN);
  const judged = turn.judge(messagesOfTurn(messages, lastMessageBefore));
  // An agent server that is stopped in order marks its open turns as aborted.
  if (judged !== null && judged.status !== 'cancelled') return judged;
  const error: TaskError = { code: 'AGENT_CRASHED', message: CRASHED };
  return { status: 'failed', resultText: null, error, usage: turn.usage() };
}

const CRASHED =
  'the agent server ended in the middle of the turn; what it did so far is in the session and the workspace. ' +
  'Send a new prompt to the same session to go on';

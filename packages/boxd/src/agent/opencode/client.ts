import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { AgentPermission, AgentQuestion } from '@banata/protocol/box';
import { openCodePermissionSchema, openCodeQuestionSchema } from './asks.ts';
import { readBoundedText } from './bounded-body.ts';
import {
  healthSchema,
  mcpStatusesSchema,
  messageSchema,
  type OpenCodeMessage,
  type OpenCodeSession,
  sessionSchema,
  type SessionStatus,
  sessionStatusesSchema,
} from './schemas.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** The first session of a task comes while browser and tools may still start. */
const SESSION_TIMEOUT_MS = 30_000;
/** For the calls that are repeated every second. */
const POLL_TIMEOUT_MS = 5_000;
const MAX_REPLY_BYTES = 64 * 1024 * 1024;
const MAX_ERROR_TEXT = 500;

/** The agent server answered with an error status, or with something that is not the agreed shape. */
export class OpenCodeRequestError extends Error {
  /** HTTP status; 0 when the reply could not be understood. */
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OpenCodeRequestError';
    this.status = status;
  }
}

export interface OpenCodeClientOptions {
  baseUrl: string;
  password: string;
  /** The workspace that sessions belong to. */
  directory: string;
}

/** One prompt, as `POST /session/{id}/prompt_async` takes it. */
export interface OpenCodePrompt {
  text: string;
  agent: string | null;
  system: string | null;
  /** Null: the configuration's main model. */
  model: { providerID: string; modelID: string } | null;
  files: { path: string; mime: string }[];
}

interface CallOptions {
  method?: 'GET' | 'POST' | 'DELETE';
  query?: Record<string, string>;
  body?: object;
  timeoutMs?: number;
  /** Given the headers of a reply that succeeded. */
  onHead?: (headers: Headers) => void;
}

/** Talks to one running OpenCode server. Every call is bounded in time and size. */
export class OpenCodeClient {
  readonly #options: OpenCodeClientOptions;
  readonly #authorization: string;

  constructor(options: OpenCodeClientOptions) {
    this.#options = options;
    this.#authorization = `Basic ${Buffer.from(`opencode:${options.password}`).toString('base64')}`;
  }

  health(timeoutMs: number): Promise<z.infer<typeof healthSchema>> {
    return this.#call('/global/health', healthSchema, { timeoutMs });
  }

  /** A session that has a title makes no model request of its own for one. */
  createSession(title: string, timeoutMs: number = SESSION_TIMEOUT_MS): Promise<OpenCodeSession> {
    return this.#call('/session', sessionSchema, { method: 'POST', body: { title }, timeoutMs });
  }

  async deleteSession(sessionId: string): Promise<void> {
    await this.#call(sessionPath(sessionId), z.unknown(), { method: 'DELETE' });
  }

  /**
   * Makes OpenCode load what the first prompt would load: the first model request then leaves about 100 ms sooner
   * (measured with 1.18.33). The session gets a message that asks for nothing.
   */
  async warmUp(sessionId: string, model: { providerId: string; modelId: string }): Promise<void> {
    await this.addContext(sessionId, {
      text: 'Start-up check',
      agent: null,
      system: null,
      model: null,
      files: [],
    });
    const query = { provider: model.providerId, model: model.modelId };
    await this.#call('/experimental/tool', z.unknown(), { query });
  }

  /** Newest first; without the sessions of subagents. */
  async listSessions(limit: number): Promise<OpenCodeSession[]> {
    const query = { roots: 'true', limit: String(limit) };
    const sessions = await this.#call('/session', z.array(sessionSchema), { query });
    return sessions.sort((a, b) => b.time.updated - a.time.updated);
  }

  /** The newest `limit` messages, oldest first. */
  async messages(sessionId: string, limit: number): Promise<OpenCodeMessage[]> {
    const query = { limit: String(limit) };
    return await this.#call(`${sessionPath(sessionId)}/message`, z.array(messageSchema), { query });
  }

  /**
   * A page of messages, oldest first: the newest `limit`, or those before a cursor.
   * @param options.before `nextCursor` of another page; null for the newest messages.
   */
  async messagePage(
    sessionId: string,
    { limit, before }: { limit: number; before: string | null },
  ): Promise<{ messages: OpenCodeMessage[]; nextCursor: string | null }> {
    const query = { limit: String(limit), ...(before === null ? {} : { before }) };
    let nextCursor: string | null = null;
    const onHead = (headers: Headers): void => {
      nextCursor = headers.get('x-next-cursor');
    };
    const path = `${sessionPath(sessionId)}/message`;
    const messages = await this.#call(path, z.array(messageSchema), { query, onHead });
    return { messages, nextCursor };
  }

  async sessionStatus(sessionId: string): Promise<SessionStatus> {
    const statuses = await this.#call('/session/status', sessionStatusesSchema, {
      timeoutMs: POLL_TIMEOUT_MS,
    });
    return statuses[sessionId] ?? { type: 'idle' };
  }

  /** Returns once the prompt is accepted; the turn goes on by itself. */
  async prompt(sessionId: string, prompt: OpenCodePrompt): Promise<void> {
    const body = promptBody(prompt);
    await this.#call(`${sessionPath(sessionId)}/prompt_async`, z.unknown(), { method: 'POST', body });
  }

  /** Adds a message to the session without a model turn. */
  async addContext(sessionId: string, prompt: OpenCodePrompt): Promise<void> {
    const body = { ...promptBody(prompt), noReply: true };
    await this.#call(`${sessionPath(sessionId)}/message`, z.unknown(), { method: 'POST', body });
  }

  async abort(sessionId: string): Promise<void> {
    await this.#call(`${sessionPath(sessionId)}/abort`, z.unknown(), { method: 'POST' });
  }

  /** What waits for an answer; also what an aborted turn left behind. */
  permissions(): Promise<AgentPermission[]> {
    return this.#call('/permission', z.array(openCodePermissionSchema));
  }

  questions(): Promise<AgentQuestion[]> {
    return this.#call('/question', z.array(openCodeQuestionSchema));
  }

  async busySessions(): Promise<Set<string>> {
    const statuses = await this.#call('/session/status', sessionStatusesSchema, {
      timeoutMs: POLL_TIMEOUT_MS,
    });
    return new Set(Object.keys(statuses).filter((id) => statuses[id]?.type !== 'idle'));
  }

  async answerPermission(
    id: string,
    { answer, message }: { answer: 'once' | 'always' | 'reject'; message?: string | undefined },
  ): Promise<void> {
    const body = { reply: answer, ...(message === undefined ? {} : { message }) };
    await this.#call(`/permission/${encodeURIComponent(id)}/reply`, z.unknown(), { method: 'POST', body });
  }

  /** @param answers the labels chosen for each question; null refuses to answer. */
  async answerQuestion(id: string, answers: string[][] | null): Promise<void> {
    const path = `/question/${encodeURIComponent(id)}`;
    if (answers === null) await this.#call(`${path}/reject`, z.unknown(), { method: 'POST', body: {} });
    else await this.#call(`${path}/reply`, z.unknown(), { method: 'POST', body: { answers } });
  }

  mcpStatuses(timeoutMs: number): Promise<z.infer<typeof mcpStatusesSchema>> {
    return this.#call('/mcp', mcpStatusesSchema, { timeoutMs });
  }

  async mcpConnect(name: string, timeoutMs: number): Promise<void> {
    await this.#call(`/mcp/${encodeURIComponent(name)}/connect`, z.unknown(), { method: 'POST', timeoutMs });
  }

  /** Ends the commands that tools run; the server itself goes on. */
  async dispose(timeoutMs: number): Promise<void> {
    await this.#call('/global/dispose', z.unknown(), { method: 'POST', timeoutMs });
  }

  /** Makes the server read its configuration again, with the next call. It forgets sessions' turns, not sessions. */
  async disposeInstance(): Promise<void> {
    await this.#call('/instance/dispose', z.unknown(), { method: 'POST' });
  }

  /** Opens the event stream of the workspace; the caller reads and bounds it. */
  async openEvents(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await fetch(this.#url('/event', {}), { headers: this.#headers(), signal });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new OpenCodeRequestError(response.status, `the event stream answered ${response.status}`);
    }
    return response.body;
  }

  /**
   * Where a call that is passed on goes, and its credential. The workspace is set here: a caller's `directory` would
   * make the server load the configuration of that folder.
   * @param target path and query at the agent server.
   */
  locate(target: string): { url: URL; authorization: string } {
    const { baseUrl, directory } = this.#options;
    const url = new URL(target, 'http://agent');
    url.searchParams.set('directory', directory);
    return { url: new URL(url.pathname + url.search, baseUrl), authorization: this.#authorization };
  }

  async #call<T extends z.ZodType>(path: string, schema: T, options: CallOptions = {}): Promise<z.output<T>> {
    const method = options.method ?? 'GET';
    const response = await fetch(this.#url(path, options.query ?? {}), {
      method,
      headers: { ...this.#headers(), ...(options.body ? { 'content-type': 'application/json' } : {}) },
      ...(options.body ? { body: JSON.stringify(options.body) } : {}),
      signal: AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    });
    const text = await readBoundedText(response, MAX_REPLY_BYTES);
    if (!response.ok) {
      const message = `${method} ${path} answered ${response.status}: ${text.slice(0, MAX_ERROR_TEXT)}`;
      throw new OpenCodeRequestError(response.status, message);
    }
    options.onHead?.(response.headers);
    const parsed = schema.safeParse(text === '' ? undefined : parseJson(text));
    if (parsed.success) return parsed.data;
    throw new OpenCodeRequestError(0, `${method} ${path} answered something else than agreed`, {
      cause: parsed.error,
    });
  }

  #url(path: string, query: Record<string, string>): string {
    const search = new URLSearchParams({ directory: this.#options.directory, ...query });
    return `${this.#options.baseUrl}${path}?${search.toString()}`;
  }

  #headers(): Record<string, string> {
    return { authorization: this.#authorization };
  }
}

/** The agent server answers 500 to ids that do not begin as its own do, and 404 to those that do. */
const SESSION_ID = /^ses/;

function sessionPath(sessionId: string): string {
  if (!SESSION_ID.test(sessionId)) throw new OpenCodeRequestError(404, `there is no session ${sessionId}`);
  return `/session/${encodeURIComponent(sessionId)}`;
}

function promptBody(prompt: OpenCodePrompt): object {
  return {
    parts: [{ type: 'text', text: prompt.text }, ...prompt.files.map(filePart)],
    ...(prompt.model === null ? {} : { model: prompt.model }),
    ...(prompt.agent === null ? {} : { agent: prompt.agent }),
    ...(prompt.system === null ? {} : { system: prompt.system }),
  };
}

function filePart({ path, mime }: { path: string; mime: string }): object {
  return { type: 'file', mime, filename: basename(path), url: pathToFileURL(path).href };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON fits no schema but `unknown`, whose callers do not look at the reply.
    return undefined;
  }
}

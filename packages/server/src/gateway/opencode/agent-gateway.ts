import { ApiError } from '@banata/protocol';
import { AGENT_STATUS_HEADER } from '@banata/protocol/box';
import type { HttpBindings } from '@hono/node-server';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Caller } from '../../services/access.ts';
import type { ActivityService } from '../../services/activity.ts';
import type { AgentService } from '../../services/agent/agent-service.ts';
import { requireWorking } from '../../services/sandboxes/sandbox-service.ts';
import { parseAgentPrompt } from './prompt-body.ts';
import { withoutCredentials } from './redact.ts';
import { agentRoutePolicy } from './route-policy.ts';

/** Longest silence of a reply; event streams send a heartbeat every 10 s, commands may take their time. */
const SILENCE_MS = 10 * 60_000;
const MAX_PROMPT_BYTES = 2 * 1024 * 1024;
const MAX_READ_BYTES = 16 * 1024 * 1024;
const MAX_SMALL_BODY_BYTES = 1024 * 1024;
/** A prompt through this API has the bound of `POST …/agent/prompt`. */
const PROMPT_TIMEOUT_MS = 15 * 60_000;
/** OpenCode gives a ticket for a terminal only to who sends it. */
const TICKET_HEADER = 'x-opencode-ticket';
/** Everything else is answered as bytes that no browser shows. */
const CONTENT_TYPES = ['application/json', 'text/event-stream', 'text/plain'];

/** A call to the agent's own API, its caller known and allowed to read or to execute by the method. */
export interface AgentCall {
  caller: Caller;
  sandboxId: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path at the agent, such as `/session`. */
  path: string;
  query: Record<string, string>;
  request: HttpBindings['incoming'];
  signal: AbortSignal;
}

interface AgentGatewayDeps {
  agent: AgentService;
  boxes: Boxes;
  activity: ActivityService;
}

/**
 * The OpenCode-compatible API of a sandbox: what is harmless goes on to the agent as it is, prompts become tasks, and
 * what would change the agent itself is refused.
 */
export class AgentGateway {
  readonly #deps: AgentGatewayDeps;

  constructor(deps: AgentGatewayDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} AGENT_NOT_ENABLED, AGENT_ROUTE_REFUSED, and what tasks throw. */
  async serve(call: AgentCall): Promise<Response> {
    const row = requireWorking(await this.#deps.agent.requireAgent(call.caller, call.sandboxId));
    const policy = agentRoutePolicy(call.method, call.path);
    if (policy.kind === 'refuse')
      throw new ApiError(
        'AGENT_ROUTE_REFUSED',
        `${call.method} ${call.path.slice(0, 200)}: ${policy.reason}`,
      );
    if (call.method !== 'GET') this.#deps.activity.touch(row.id);
    switch (policy.kind) {
      case 'prompt':
        return this.#prompt(row, call, policy);
      case 'abort':
        await this.#deps.agent.cancelSession(call.caller, row.id, policy.sessionId);
        return this.#pass(row, call);
      case 'read-redacted':
        return this.#passRedacted(row, call);
      case 'read':
      case 'change':
        return this.#pass(row, call);
    }
  }

  async #prompt(
    row: SandboxRow,
    { caller, request, signal }: AgentCall,
    { wait, sessionId }: { wait: boolean; sessionId: string },
  ): Promise<Response> {
    const { prompt, agent, model, system, noReply } = parseAgentPrompt(await readJson(request));
    const input = {
      id: row.id,
      prompt,
      sessionId,
      noReply,
      // Its clients are people in a chat.
      duringHandoff: true,
      timeoutMs: PROMPT_TIMEOUT_MS,
      ...(model === undefined ? {} : { model }),
      ...(agent === undefined ? {} : { agent }),
      ...(system === undefined ? {} : { system }),
    };
    if (!wait) {
      await this.#deps.agent.promptAsync(caller, input);
      return new Response(null, { status: 204 });
    }
    const ended = await this.#deps.agent.prompt(caller, input, signal);
    const newest = await this.#newestMessage(row, sessionId, noReply ? 'user' : 'assistant');
    if (newest !== undefined && (ended.error === null || hasError(newest))) return Response.json(newest);
    throw new ApiError('TASK_FAILED', ended.error?.message ?? 'The agent gave no answer.');
  }

  /** The newest message of the role in the agent's own shape. */
  async #newestMessage(row: SandboxRow, sessionId: string, role: string): Promise<object | undefined> {
    const target = `/session/${sessionId}/message?limit=10`;
    const reply = await this.#stream(row, { method: 'GET', target });
    const messages = parseJson(await readBounded(reply.body, MAX_READ_BYTES));
    if (!Array.isArray(messages)) return undefined;
    return messages.findLast(
      (message: { info?: { role?: unknown } } | null) => message?.info?.role === role,
    ) as object | undefined;
  }

  async #pass(row: SandboxRow, call: AgentCall): Promise<Response> {
    const reply = await this.#forward(row, call);
    const { status, headers } = headOf(reply);
    if (status === 204 || status === 304) {
      reply.body.destroy();
      return new Response(null, { status, headers });
    }
    return new Response(Readable.toWeb(reply.body) as ReadableStream<Uint8Array>, { status, headers });
  }

  async #passRedacted(row: SandboxRow, call: AgentCall): Promise<Response> {
    const reply = await this.#forward(row, call);
    const { status, headers } = headOf(reply);
    const content = parseJson(await readBounded(reply.body, MAX_READ_BYTES));
    return new Response(JSON.stringify(withoutCredentials(content ?? null)), { status, headers });
  }

  async #forward(
    row: SandboxRow,
    { method, path, query, request, signal }: AgentCall,
  ): Promise<Dispatcher.ResponseData> {
    const target = `${path}?${new URLSearchParams(query).toString()}`;
    const body = method === 'GET' ? null : await readBounded(request, MAX_SMALL_BODY_BYTES);
    const { accept, [TICKET_HEADER]: ticket } = request.headers;
    const headers = {
      ...(accept === undefined ? {} : { accept }),
      ...(ticket === undefined ? {} : { [TICKET_HEADER]: '1' }),
    };
    return this.#stream(row, { method, target, body, headers, signal });
  }

  #stream(
    row: SandboxRow,
    call: {
      method: AgentCall['method'];
      target: string;
      body?: Buffer | null;
      headers?: Record<string, string>;
      signal?: AbortSignal;
    },
  ): Promise<Dispatcher.ResponseData> {
    const { method, target, body = null, headers, signal } = call;
    return this.#deps.boxes.stream(row, {
      method,
      path: '/agent/server',
      query: { target },
      headers: {
        ...headers,
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      body,
      timeoutMs: SILENCE_MS,
      ...(signal && { signal }),
    });
  }
}

function headOf(reply: Dispatcher.ResponseData): { status: number; headers: Record<string, string> } {
  const status = Number(reply.headers[AGENT_STATUS_HEADER]);
  const type = String(reply.headers['content-type'] ?? '').toLowerCase();
  const known = CONTENT_TYPES.find((name) => type.startsWith(name));
  return {
    // A box that answers nonsense must not make the server throw.
    status: Number.isInteger(status) && status >= 200 && status <= 599 ? status : 502,
    headers: {
      'content-type': known ?? 'application/octet-stream',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'no-store',
    },
  };
}

function hasError(message: object): boolean {
  const { info } = message as { info?: { error?: unknown } };
  return info?.error !== undefined;
}

async function readJson(request: AsyncIterable<Buffer>): Promise<unknown> {
  const content = parseJson(await readBounded(request, MAX_PROMPT_BYTES));
  if (content === undefined) throw new ApiError('INVALID_REQUEST', 'The body is not valid JSON.');
  return content;
}

async function readBounded(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes)
      throw new ApiError('PAYLOAD_TOO_LARGE', `The body is longer than ${maxBytes} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parseJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString('utf8'));
  } catch {
    return undefined;
  }
}

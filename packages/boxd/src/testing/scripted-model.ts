import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { replyTo, type ScriptedReply, type ScriptedToolCall } from './scripted-scenarios.ts';

const contentSchema = z.union([
  z.string(),
  z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
]);
const requestSchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: contentSchema.nullish() })),
  tools: z.array(z.looseObject({})).optional(),
});
type ChatRequest = z.infer<typeof requestSchema>;

/** One request that reached the scripted model. */
export interface RecordedRequest {
  at: number;
  path: string;
  authorization: string | null;
  model: string;
  /** All of the system text. */
  system: string;
  /** The newest user text. */
  prompt: string;
  step: number;
  toolCount: number;
}

export interface ScriptedModel {
  /** Base URL of the OpenAI-compatible API, such as `http://127.0.0.1:4010/v1`. */
  baseUrl: string;
  port: number;
  requests: RecordedRequest[];
  close(): Promise<void>;
}

export interface ScriptedModelOptions {
  /** Default: loopback. */
  host?: string;
  /** Default: any free port. */
  port?: number;
  /** When given, other bearer tokens are answered 401. */
  apiKey?: string;
}

const TOKENS_PER_REPLY = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };

function textOf(content: z.infer<typeof contentSchema> | null | undefined): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  return content.map((part) => part.text ?? '').join('\n');
}

/** The user text that decides the reply, and how many assistant turns came after it. */
function position(request: ChatRequest): { prompt: string; step: number } {
  const { messages } = request;
  let index = messages.findLastIndex((m) => m.role === 'user' && textOf(m.content).includes('SCENARIO:'));
  if (index === -1) index = messages.findLastIndex((m) => m.role === 'user');
  const step = messages.slice(index + 1).filter((m) => m.role === 'assistant').length;
  return { prompt: textOf(messages[index]?.content), step };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function sendError(response: ServerResponse, reply: Extract<ScriptedReply, { kind: 'error' }>): void {
  response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
  response.end(JSON.stringify({ error: { message: reply.message, type: 'scripted', code: reply.status } }));
}

function toolDeltas(calls: ScriptedToolCall[], step: number): object[] {
  return calls.map((toolCall, index) => ({
    index,
    id: `call_${step}_${index}`,
    type: 'function',
    function: { name: toolCall.name, arguments: JSON.stringify(toolCall.arguments) },
  }));
}

class ChunkWriter {
  readonly #response: ServerResponse;
  readonly #model: string;
  readonly #id = `chatcmpl-${Date.now().toString(36)}`;

  constructor(response: ServerResponse, model: string) {
    this.#response = response;
    this.#model = model;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  }

  chunk(delta: object, finishReason: string | null = null, usage?: object): void {
    const body = {
      id: this.#id,
      object: 'chat.completion.chunk',
      created: Math.floor(Date.now() / 1000),
      model: this.#model,
      choices: [{ index: 0, delta, finish_reason: finishReason }],
      ...(usage === undefined ? {} : { usage }),
    };
    this.#response.write(`data: ${JSON.stringify(body)}\n\n`);
  }

  end(): void {
    this.#response.end('data: [DONE]\n\n');
  }
}

async function stream(
  response: ServerResponse,
  model: string,
  reply: ScriptedReply,
  step: number,
): Promise<void> {
  if (reply.kind === 'error') return sendError(response, reply);
  const writer = new ChunkWriter(response, model);
  writer.chunk({ role: 'assistant', content: '' });
  for (const word of reply.text.match(/\S+\s*/g) ?? []) {
    writer.chunk({ content: word });
    if (reply.kind === 'message' && reply.chunkDelayMs > 0) await sleep(reply.chunkDelayMs);
    if (response.destroyed) return;
  }
  // A silent stream ends when the client leaves or the server closes its connections.
  if (reply.kind === 'hang') return;
  if (reply.kind === 'cut') {
    // Without the pause the socket may die before the first bytes reach the client.
    await sleep(50);
    response.destroy();
    return;
  }
  if (reply.toolCalls.length > 0) writer.chunk({ tool_calls: toolDeltas(reply.toolCalls, step) });
  writer.chunk({}, reply.toolCalls.length > 0 ? 'tool_calls' : 'stop', TOKENS_PER_REPLY);
  writer.end();
}

function sendWhole(response: ServerResponse, model: string, reply: ScriptedReply, step: number): void {
  if (reply.kind === 'error') return sendError(response, reply);
  if (reply.kind !== 'message') {
    response.destroy();
    return;
  }
  const calls = toolDeltas(reply.toolCalls, step);
  const message = {
    role: 'assistant',
    content: reply.text,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  const choice = { index: 0, message, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' };
  response.writeHead(200, { 'content-type': 'application/json' });
  const head = {
    id: 'chatcmpl-whole',
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model,
  };
  response.end(JSON.stringify({ ...head, choices: [choice], usage: TOKENS_PER_REPLY }));
}

/**
 * Starts an OpenAI-compatible model server (`POST …/chat/completions`, streamed or whole) that plays scenarios
 * named in the prompt, such as `SCENARIO:write-bash path=/workspace/a.txt`. Every reply counts 100 prompt and
 * 10 completion tokens.
 */
export async function startScriptedModel(options: ScriptedModelOptions = {}): Promise<ScriptedModel> {
  const requests: RecordedRequest[] = [];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? '/', 'http://model').pathname;
    const body = await readBody(request);
    const authorization = request.headers.authorization ?? null;
    if (options.apiKey !== undefined && authorization !== `Bearer ${options.apiKey}`) {
      return sendError(response, { kind: 'error', status: 401, headers: {}, message: 'invalid api key' });
    }
    if (request.method !== 'POST' || !path.endsWith('/chat/completions')) {
      const message = `only POST …/chat/completions is offered, not ${request.method} ${path}`;
      return sendError(response, { kind: 'error', status: 404, headers: {}, message });
    }
    const chat = requestSchema.parse(JSON.parse(body));
    const system = chat.messages.filter((m) => m.role === 'system').map((m) => textOf(m.content));
    const { prompt, step } = position(chat);
    const toolCount = chat.tools?.length ?? 0;
    const record = { at: Date.now(), path, authorization, model: chat.model, prompt, step, toolCount };
    const same = requests.filter((earlier) => earlier.prompt === prompt && earlier.step === step);
    const reply = replyTo(prompt, { step, repeats: same.length });
    requests.push({ ...record, system: system.join('\n') });
    if (chat.stream === true) await stream(response, chat.model, reply, step);
    else sendWhole(response, chat.model, reply, step);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      const message = `bad request: ${String(error)}`;
      if (response.headersSent) response.destroy();
      else sendError(response, { kind: 'error', status: 400, headers: {}, message });
    });
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://${host}:${port}/v1`,
    port,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { demoTurn, type DemoTurn } from './demo-script.ts';
import { boundedBody, type UpstreamReply } from './http-upstream.ts';
import { DEMO_MODEL_ID } from './model-variables.ts';
import type { CallBody } from './peek-body.ts';
import { GatewayError } from './provider-error.ts';

const contentSchema = z
  .union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))])
  .nullish();
const messageSchema = z.looseObject({
  role: z.string(),
  content: contentSchema,
  tool_calls: z.array(z.looseObject({ id: z.string() })).nullish(),
  tool_call_id: z.string().optional(),
});
const requestSchema = z.looseObject({
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  messages: z.array(messageSchema).min(1),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }).optional() })).nullish(),
});
type ChatRequest = z.infer<typeof requestSchema>;

/** The script reads a conversation of its own making, which is far smaller. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
const PIECES = 12;
const PIECE_DELAY_MS = 10;

/** Nothing is tokenized here, so every count is a true zero. */
const NO_USAGE = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

interface DemoCall {
  /** As in `GatewayCall`. */
  operation: string;
  body: CallBody['content'];
  signal: AbortSignal;
}

function textOf(content: z.infer<typeof contentSchema>): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('\n');
}

/** Results of the tool calls since the newest prompt, one for each assistant turn; empty where one is missing. */
function resultsOf({ messages }: ChatRequest): string[] {
  const turns = messages.slice(messages.findLastIndex(({ role }) => role === 'user') + 1);
  const byCall = new Map(turns.map((message) => [message.tool_call_id, textOf(message.content)]));
  const calls = turns.filter(({ role }) => role === 'assistant').map((turn) => turn.tool_calls?.[0]?.id);
  return calls.map((id) => (id === undefined ? '' : (byCall.get(id) ?? '')));
}

function turnFor(request: ChatRequest): DemoTurn {
  const tools = new Set((request.tools ?? []).flatMap((tool) => tool.function?.name ?? []));
  if (tools.size > 0) return demoTurn({ tools, results: resultsOf(request) });
  const system = request.messages
    .filter(({ role }) => role === 'system')
    .map(({ content }) => textOf(content));
  const wantsTitle = /\btitle\b/i.test(system.join('\n'));
  const text = wantsTitle
    ? 'Demo: compare three suppliers'
    : 'I am the demo script of Banata, not a language model. Without tools I have nothing to play.';
  return { text, call: null };
}

function toolCalls(turn: DemoTurn): object[] {
  if (turn.call === null) return [];
  const { tool, input } = turn.call;
  const id = `call_${randomUUID().replaceAll('-', '')}`;
  return [{ index: 0, id, type: 'function', function: { name: tool, arguments: JSON.stringify(input) } }];
}

/** Cuts a text into a few pieces at blanks. */
function pieces(text: string): string[] {
  const words = text.match(/\s*\S+/g) ?? [];
  const size = Math.max(1, Math.ceil(words.length / PIECES));
  return Array.from({ length: Math.ceil(words.length / size) }, (_, index) =>
    words.slice(index * size, (index + 1) * size).join(''),
  );
}

function head(object: string): object {
  return {
    id: `chatcmpl-${randomUUID()}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: DEMO_MODEL_ID,
  };
}

async function* streamed(
  request: ChatRequest,
  turn: DemoTurn,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const base = head('chat.completion.chunk');
  const event = (fields: object): Uint8Array =>
    Buffer.from(`data: ${JSON.stringify({ ...base, ...fields })}\n\n`);
  const delta = (fields: object, finish: string | null = null): Uint8Array =>
    event({ choices: [{ index: 0, delta: fields, finish_reason: finish }] });
  yield delta({ role: 'assistant', content: '' });
  for (const content of pieces(turn.text)) {
    await sleep(PIECE_DELAY_MS, undefined, { signal });
    yield delta({ content });
  }
  const calls = toolCalls(turn);
  if (calls.length > 0) yield delta({ tool_calls: calls });
  yield delta({}, calls.length > 0 ? 'tool_calls' : 'stop');
  if (request.stream_options?.include_usage === true) yield event({ choices: [], usage: NO_USAGE });
  yield Buffer.from('data: [DONE]\n\n');
}

function whole(turn: DemoTurn): object {
  const calls = toolCalls(turn);
  const message = {
    role: 'assistant',
    content: turn.text,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  const choice = { index: 0, message, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' };
  return { ...head('chat.completion'), choices: [choice], usage: NO_USAGE };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function json(value: object): UpstreamReply {
  const headers = { 'content-type': 'application/json' };
  return { status: 200, headers, body: once(Buffer.from(JSON.stringify(value))) };
}

async function parseRequest(body: CallBody['content']): Promise<ChatRequest> {
  const chunks: Uint8Array[] = [];
  const source = body instanceof Uint8Array ? once(body) : body;
  if (source !== null) for await (const chunk of boundedBody(source, MAX_REQUEST_BYTES)) chunks.push(chunk);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new GatewayError(400, 'The body of a chat completion must be JSON.');
  }
  const parsed = requestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new GatewayError(
    400,
    `Invalid chat completion at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
  );
}

/**
 * Answers as an OpenAI-compatible model server would, by playing a fixed script. No network, no model.
 * @throws {GatewayError} for what it does not offer.
 */
export async function callDemoModel({ operation, body, signal }: DemoCall): Promise<UpstreamReply> {
  if (operation === 'models') {
    return json({
      object: 'list',
      data: [{ id: DEMO_MODEL_ID, object: 'model', created: 0, owned_by: 'banata' }],
    });
  }
  if (operation !== 'chat/completions') {
    throw new GatewayError(
      404,
      'The demo script offers POST v1/chat/completions and GET v1/models only. Configure a real model for more.',
    );
  }
  const request = await parseRequest(body);
  const turn = turnFor(request);
  if (request.stream !== true) return json(whole(turn));
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
  return { status: 200, headers, body: streamed(request, turn, signal) };
}

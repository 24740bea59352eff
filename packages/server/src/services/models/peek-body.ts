import type { ModelProvider } from './model-access.ts';

/** Longest body that is looked into; longer ones pass as they come. */
const MAX_PEEKED = 4 * 1024 * 1024;

/** The body of a model call on its way to the model server. */
export interface CallBody {
  content: Uint8Array | AsyncIterable<Uint8Array> | null;
  /** Length of `content` where it is known, which may differ from what was sent. */
  length: number | null;
  /** Model that was asked for; null where the body was not looked into. */
  model: string | null;
  /** The answer ends with a chunk that was not asked for and that the caller must not see. */
  hidesUsage: boolean;
  /** Bytes that came so far. */
  received: () => number;
}

const CHAT = new Set(['chat/completions', 'completions']);

/**
 * Looks into a call: for its model, and so that a streamed chat completion tells its usage, which is left out unless
 * asked for. Source: OpenAI's API reference, `stream_options.include_usage`; OpenRouter's, `usage.include`.
 */
export async function peekBody(
  body: AsyncIterable<Uint8Array> | null,
  call: { provider: ModelProvider; operation: string; isPlain: boolean },
): Promise<CallBody> {
  if (body === null) return { ...NOTHING, content: null, length: 0, received: () => 0 };
  const { first, rest, received } = await readFirst(body);
  if (rest !== null) return { ...NOTHING, content: rest, length: null, received };
  const asSent = { ...NOTHING, content: first, length: first.length, received };
  const fields = call.isPlain ? parseObject(first) : null;
  if (fields === null) return asSent;
  const model = typeof fields['model'] === 'string' ? fields['model'].slice(0, 256) : null;
  const added = CHAT.has(call.operation) ? askedToTell(fields, call.provider) : null;
  if (added === null) return { ...asSent, model };
  const content = Buffer.from(JSON.stringify({ ...fields, ...added.fields }));
  return { content, length: content.length, model, hidesUsage: added.hidesUsage, received };
}

const NOTHING = { model: null, hidesUsage: false } as const;

async function readFirst(body: AsyncIterable<Uint8Array>): Promise<{
  first: Buffer;
  /** The whole body, where it is longer than is looked into. */
  rest: AsyncIterable<Uint8Array> | null;
  received: () => number;
}> {
  const iterator = body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let count = 0;
  const received = (): number => count;
  for (;;) {
    const next = await iterator.next();
    if (next.done === true) return { first: Buffer.concat(chunks), rest: null, received };
    count += next.value.length;
    chunks.push(next.value);
    if (count > MAX_PEEKED) break;
  }
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks.splice(0);
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      count += next.value.length;
      yield next.value;
    }
  };
  return { first: Buffer.alloc(0), rest: rest(), received };
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    // The model server says what is wrong with it.
    return null;
  }
}

/** What a chat completion lacks to tell its usage; null for nothing. */
function askedToTell(
  fields: Record<string, unknown>,
  provider: ModelProvider,
): { fields: Record<string, unknown>; hidesUsage: boolean } | null {
  const options = objectOf(fields['stream_options']);
  const isTold = fields['stream'] !== true || options['include_usage'] === true;
  const usage = objectOf(fields['usage']);
  const isCostTold = provider !== 'openrouter' || usage['include'] === true;
  if (isTold && isCostTold) return null;
  return {
    fields: {
      ...(isTold ? {} : { stream_options: { ...options, include_usage: true } }),
      ...(isCostTold ? {} : { usage: { ...usage, include: true } }),
    },
    hidesUsage: !isTold,
  };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

import { createParser, type EventSourceParser } from 'eventsource-parser';
import { z } from 'zod';
import type { ModelProvider } from './model-access.ts';

/** What a model server said about the cost of one call. Null: it did not say. */
export interface TokenUsage {
  /** Model that answered. */
  model: string | null;
  /** All input tokens, those read from and written to a cache included. */
  inputTokens: number | null;
  outputTokens: number | null;
  /** Of the input tokens. */
  cacheReadTokens: number;
  /** Of the input tokens. */
  cacheWriteTokens: number;
  /** US dollars; only OpenRouter says this. */
  costUsd: number | null;
}

/** Watches an answer pass. */
export interface UsageMeter {
  feed(chunk: Uint8Array): void;
  /** What was learned; call it after the last chunk. */
  result(): TokenUsage;
}

/** Longest JSON answer and longest event that are looked into; usage of longer ones stays unknown. */
const MAX_WATCHED = 4 * 1024 * 1024;

// The answer may come from a server that a tenant chose: implausible figures count as not said.
const count = z.number().int().min(0).max(1_000_000_000).optional().catch(undefined);
const details = z.object({ cached_tokens: count }).nullish().catch(undefined);
const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: details,
  input_tokens: count,
  output_tokens: count,
  input_tokens_details: details,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  cost: z.number().min(0).max(1_000_000).optional().catch(undefined),
});
const carrierSchema = z.object({
  model: z.string().max(256).optional().catch(undefined),
  usage: usageSchema.nullish().catch(undefined),
});
const messageSchema = carrierSchema.extend({
  /** The Responses API wraps its final object in an event, … */
  response: carrierSchema.nullish().catch(undefined),
  /** … and so does Anthropic's `message_start`. */
  message: carrierSchema.nullish().catch(undefined),
});
type RawUsage = z.infer<typeof usageSchema>;

class UsageCollector {
  #model: string | null = null;
  #raw: RawUsage = {};
  readonly #provider: ModelProvider;

  constructor(provider: ModelProvider) {
    this.#provider = provider;
  }

  read(json: string): void {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      return;
    }
    const parsed = messageSchema.safeParse(value);
    if (!parsed.success) return;
    for (const carrier of [parsed.data, parsed.data.response, parsed.data.message]) {
      this.#model ??= carrier?.model ?? null;
      // Anthropic reports in two events, the later one with the fuller figures.
      const said = Object.entries(carrier?.usage ?? {}).filter(([, figure]) => figure !== undefined);
      this.#raw = { ...this.#raw, ...Object.fromEntries(said) };
    }
  }

  result(): TokenUsage {
    const raw = this.#raw;
    const cacheWriteTokens = raw.cache_creation_input_tokens ?? 0;
    const cached = raw.prompt_tokens_details?.cached_tokens ?? raw.input_tokens_details?.cached_tokens;
    const cacheReadTokens = raw.cache_read_input_tokens ?? cached ?? 0;
    const told = raw.prompt_tokens ?? raw.input_tokens;
    // Anthropic leaves cached tokens out of `input_tokens`, the others count them in.
    const besides = this.#provider === 'anthropic' ? cacheReadTokens + cacheWriteTokens : 0;
    const outputTokens = raw.completion_tokens ?? raw.output_tokens;
    return {
      model: this.#model,
      inputTokens: told === undefined ? null : told + besides,
      // Embeddings have input only.
      outputTokens: outputTokens ?? (told === undefined ? null : 0),
      cacheReadTokens,
      cacheWriteTokens,
      costUsd: raw.cost ?? null,
    };
  }
}

function eventMeter(collector: UsageCollector): UsageMeter {
  const decoder = new TextDecoder();
  let parser: EventSourceParser | null = createParser({
    maxBufferSize: MAX_WATCHED,
    onEvent: ({ data }) => {
      // Most events are deltas; parsing only these two kinds keeps metering cheap.
      if (data.includes('"usage"')) collector.read(data);
    },
  });
  return {
    feed: (chunk) => {
      try {
        parser?.feed(decoder.decode(chunk, { stream: true }));
      } catch {
        // An event longer than the bound: give up on this answer's figures, not on the answer.
        parser = null;
      }
    },
    result: () => collector.result(),
  };
}

function jsonMeter(collector: UsageCollector): UsageMeter {
  let chunks: Uint8Array[] = [];
  let length = 0;
  return {
    feed: (chunk) => {
      length += chunk.length;
      if (length > MAX_WATCHED) chunks = [];
      else chunks.push(chunk);
    },
    result: () => {
      if (length <= MAX_WATCHED) collector.read(Buffer.concat(chunks).toString('utf8'));
      return collector.result();
    },
  };
}

/** A meter for one answer, chosen by its content type; other types are not looked into. */
export function createUsageMeter(provider: ModelProvider, contentType: string | undefined): UsageMeter {
  const collector = new UsageCollector(provider);
  const type = contentType?.split(';')[0]?.trim().toLowerCase();
  if (type === 'text/event-stream') return eventMeter(collector);
  if (type === 'application/json') return jsonMeter(collector);
  return { feed: () => undefined, result: () => collector.result() };
}

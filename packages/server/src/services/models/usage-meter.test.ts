import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ModelProvider } from './model-access.ts';
import { createUsageMeter, type TokenUsage } from './usage-meter.ts';

const UNKNOWN: TokenUsage = {
  model: null,
  inputTokens: null,
  outputTokens: null,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  costUsd: null,
};

function measure(provider: ModelProvider, type: string, chunks: (string | Uint8Array)[]): TokenUsage {
  const meter = createUsageMeter(provider, type);
  for (const chunk of chunks) meter.feed(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return meter.result();
}

const sse = (...events: object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');

describe('createUsageMeter', () => {
  test('reads chat completions, with the cost that OpenRouter tells', () => {
    const body = JSON.stringify({
      model: 'acme/x',
      usage: {
        prompt_tokens: 10,
        completion_tokens: 2,
        prompt_tokens_details: { cached_tokens: 4 },
        cost: 0.0012,
      },
    });
    expect(measure('openrouter', 'application/json; charset=utf-8', [body])).toEqual({
      ...UNKNOWN,
      model: 'acme/x',
      inputTokens: 10,
      outputTokens: 2,
      cacheReadTokens: 4,
      costUsd: 0.0012,
    });
  });

  test('reads the last event of the Responses API', () => {
    const events = sse(
      { type: 'response.created', response: { model: 'gpt-x', usage: null } },
      {
        type: 'response.completed',
        response: {
          model: 'gpt-x',
          usage: { input_tokens: 20, output_tokens: 7, input_tokens_details: { cached_tokens: 8 } },
        },
      },
    );
    expect(measure('openai', 'text/event-stream', [events])).toEqual({
      ...UNKNOWN,
      model: 'gpt-x',
      inputTokens: 20,
      outputTokens: 7,
      cacheReadTokens: 8,
    });
  });

  test('joins the two reports of Anthropic’s stream and counts cached tokens in', () => {
    const start = {
      input_tokens: 5,
      output_tokens: 1,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 30,
    };
    const events = sse(
      { type: 'message_start', message: { model: 'claude-x', usage: start } },
      { type: 'content_block_delta', delta: { text: 'hi' } },
      { type: 'message_delta', usage: { output_tokens: 42 } },
    );
    expect(measure('anthropic', 'text/event-stream', [events])).toEqual({
      model: 'claude-x',
      inputTokens: 135,
      outputTokens: 42,
      cacheReadTokens: 100,
      cacheWriteTokens: 30,
      costUsd: null,
    });
  });

  test('counts embeddings as input only', () => {
    const body = '{"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}';
    expect(measure('openai', 'application/json', [body])).toMatchObject({ inputTokens: 8, outputTokens: 0 });
  });

  test('does not care where the stream is cut', () => {
    const events = sse(
      { model: 'gpt-ä€😀', choices: [{ delta: { content: '€uro' } }] },
      { model: 'gpt-ä€😀', choices: [], usage: { prompt_tokens: 3, completion_tokens: 9 } },
    );
    const bytes = Buffer.from(events);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(measure('openai', 'text/event-stream', chunks)).toMatchObject({
          model: 'gpt-ä€😀',
          inputTokens: 3,
          outputTokens: 9,
        });
      }),
    );
  });

  test.each([
    { usage: { prompt_tokens: -1, completion_tokens: 1.5 } },
    { usage: { prompt_tokens: '12', completion_tokens: null } },
    { usage: { prompt_tokens: 1e300 } },
    { usage: 'a lot' },
    { usage: [] },
    [],
    null,
    'usage',
  ])('takes implausible figures as not said: %j', (value) => {
    const usage = measure('openai', 'application/json', [JSON.stringify(value)]);
    expect(usage.inputTokens).toBeNull();
    expect(usage.outputTokens).toBeNull();
  });

  test('gives up on what is too long, without failing', () => {
    const long = `{"pad":"${'x'.repeat(5 * 1024 * 1024)}","usage":{"prompt_tokens":1,"completion_tokens":1}}`;
    expect(measure('openai', 'application/json', [long])).toEqual(UNKNOWN);
    expect(measure('openai', 'text/event-stream', [`data: ${long}`, '\n\n', sse({ usage: {} })])).toEqual(
      UNKNOWN,
    );
  });

  test('does not look into other types', () => {
    expect(measure('openai', 'text/html', ['{"usage":{"prompt_tokens":1}}'])).toEqual(UNKNOWN);
  });
});

import { describe, expect, test } from 'vitest';
import type { ModelProvider } from './model-access.ts';
import { peekBody, type CallBody } from './peek-body.ts';

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function peek(
  body: unknown,
  provider: ModelProvider = 'openai',
  more: { operation?: string; isPlain?: boolean } = {},
): Promise<CallBody> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return peekBody(inPieces(text, 1000), { provider, operation: 'chat/completions', isPlain: true, ...more });
}

async function textOf({ content }: CallBody): Promise<string> {
  if (content instanceof Uint8Array) return Buffer.from(content).toString();
  const chunks: Uint8Array[] = [];
  for await (const chunk of content ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('a streamed chat completion', () => {
  test('is asked to tell its usage, which is hidden', async () => {
    const body = await peek({ model: 'm', stream: true, stream_options: { other: 1 }, n: 1 });
    expect(JSON.parse(await textOf(body))).toEqual({
      model: 'm',
      stream: true,
      stream_options: { other: 1, include_usage: true },
      n: 1,
    });
    expect(body).toMatchObject({ model: 'm', hidesUsage: true, length: (await textOf(body)).length });
  });

  test('passes as it is where it asks itself', async () => {
    const sent = '{"stream":true,  "model":"m","stream_options":{"include_usage":true}}';
    const body = await peek(sent);
    expect(await textOf(body)).toBe(sent);
    expect(body).toMatchObject({ model: 'm', hidesUsage: false });
  });

  test('of OpenRouter is asked for its cost as well', async () => {
    const body = await peek({ model: 'm' }, 'openrouter');
    expect(JSON.parse(await textOf(body))).toEqual({ model: 'm', usage: { include: true } });
    expect(body.hidesUsage).toBe(false);
  });
});

test.each([
  ['what is no JSON', 'stream: true', {}],
  ['what is no object', '[1]', {}],
  ['another call', { stream: true }, { operation: 'responses' }],
  ['a compressed one', { stream: true }, { isPlain: false }],
  ['an answer that is not streamed', { model: 'm' }, {}],
])('%s passes as it is', async (_what, sent, more) => {
  const body = await peek(sent, 'openai', more);
  expect(await textOf(body)).toBe(typeof sent === 'string' ? sent : JSON.stringify(sent));
  expect(body.hidesUsage).toBe(false);
});

test('what is too long to be looked into passes in full, and is counted', async () => {
  const sent = JSON.stringify({ model: 'm', stream: true, text: 'x'.repeat(5 * 1024 * 1024) });
  const body = await peekBody(inPieces(sent, 65_536), {
    provider: 'openai',
    operation: 'chat/completions',
    isPlain: true,
  });
  expect(body).toMatchObject({ model: null, hidesUsage: false, length: null });
  expect(await textOf(body)).toBe(sent);
  expect(body.received()).toBe(sent.length);
});

test('no body is none', async () => {
  const body = await peekBody(null, { provider: 'openai', operation: 'models', isPlain: true });
  expect(body).toMatchObject({ content: null, model: null });
});

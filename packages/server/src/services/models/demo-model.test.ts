import { createParser } from 'eventsource-parser';
import { z } from 'zod';
import { describe, expect, test } from 'vitest';
import { callDemoModel } from './demo-model.ts';

const chunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z.object({
        content: z.string().optional(),
        tool_calls: z
          .array(
            z.object({ id: z.string(), function: z.object({ name: z.string(), arguments: z.string() }) }),
          )
          .optional(),
      }),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: z.record(z.string(), z.number()).optional(),
});

const TOOLS = ['bash', 'write'].map((name) => ({ type: 'function', function: { name, parameters: {} } }));

async function ask(request: object, signal = new AbortController().signal): Promise<string> {
  const body = new Blob([JSON.stringify(request)]).stream();
  const reply = await callDemoModel({ operation: 'chat/completions', body, signal });
  expect(reply.status).toBe(200);
  const chunks: Uint8Array[] = [];
  for await (const chunk of reply.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

interface Streamed {
  text: string;
  call: { id: string; name: string; input: Record<string, unknown> } | undefined;
  finish: string | null | undefined;
  usage: Record<string, number> | undefined;
}

async function stream(request: object): Promise<Streamed> {
  const data: string[] = [];
  createParser({ onEvent: (event) => data.push(event.data) }).feed(await ask({ stream: true, ...request }));
  expect(data.pop()).toBe('[DONE]');
  const chunks = data.map((item) => chunkSchema.parse(JSON.parse(item)));
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  const call = deltas.flatMap((delta) => delta.tool_calls ?? [])[0];
  return {
    text: deltas.map((delta) => delta.content ?? '').join(''),
    call: call && { id: call.id, name: call.function.name, input: JSON.parse(call.function.arguments) },
    finish: chunks.flatMap(({ choices }) => choices).at(-1)?.finish_reason,
    usage: chunks.at(-1)?.usage,
  };
}

describe('callDemoModel', () => {
  test('streams the first step, quickly, with honest zeros for usage', async () => {
    const startedAt = performance.now();
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'Compare!' }] }];
    const { text, call, finish, usage } = await stream({
      messages,
      tools: TOOLS,
      stream_options: { include_usage: true },
    });
    expect(performance.now() - startedAt).toBeLessThan(1000);
    expect(text).toContain('not a language model');
    expect(call?.name).toBe('write');
    expect(call?.input['filePath']).toBe('/workspace/site/index.html');
    expect(finish).toBe('tool_calls');
    expect(usage).toEqual({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 });
  });

  test('goes on from the result of its last call, and begins anew with a new prompt', async () => {
    const user = { role: 'user', content: 'go' };
    const turn = (id: string): object[] => [
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id, type: 'function', function: { name: 'write', arguments: '' } }],
      },
      { role: 'tool', tool_call_id: id, content: 'Wrote file successfully.' },
    ];
    const second = await stream({ messages: [user, ...turn('a')], tools: TOOLS });
    expect(second.call?.name).toBe('bash');
    expect(second.usage).toBeUndefined();
    const again = await stream({ messages: [user, ...turn('a'), user], tools: TOOLS });
    expect(again.call?.name).toBe('write');
    const lost = await stream({ messages: [user, ...turn('a').slice(0, 1)], tools: TOOLS });
    expect(lost.call?.name).toBe('bash');
    const failed = [
      ...turn('a').slice(0, 1),
      { role: 'tool', tool_call_id: 'a', content: 'Error: read-only' },
    ];
    const stopped = await stream({ messages: [user, ...failed], tools: TOOLS });
    expect(stopped.call).toBeUndefined();
    expect(stopped.finish).toBe('stop');
    expect(stopped.text).toContain('Error: read-only');
  });

  test('gives a short title to a session', async () => {
    const messages = [
      { role: 'system', content: 'You are a title generator.' },
      { role: 'user', content: 'go' },
    ];
    expect((await stream({ messages })).text).toBe('Demo: compare three suppliers');
  });

  test('answers whole where no stream is asked for', async () => {
    const answer = JSON.parse(await ask({ messages: [{ role: 'user', content: 'go' }], tools: TOOLS }));
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model: 'banata-demo',
      choices: [{ finish_reason: 'tool_calls', message: { tool_calls: [{ function: { name: 'write' } }] } }],
    });
    const plain = JSON.parse(await ask({ messages: [{ role: 'user', content: 'go' }] }));
    expect(plain.choices[0].message.content).toContain('not a language model');
  });

  test('stops when its reader leaves', async () => {
    const controller = new AbortController();
    const request = { stream: true, messages: [{ role: 'user', content: 'go' }], tools: TOOLS };
    const answer = ask(request, controller.signal);
    controller.abort();
    await expect(answer).rejects.toThrow('aborted');
  });
});

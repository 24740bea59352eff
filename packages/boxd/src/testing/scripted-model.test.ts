import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { parseScenario } from './scripted-scenarios.ts';

let model: ScriptedModel;

beforeEach(async () => {
  model = await startScriptedModel({ apiKey: 'key' });
});

afterEach(() => model.close());

function ask(messages: object[], stream: boolean, key = 'key'): Promise<Response> {
  return fetch(`${model.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'm', stream, messages }),
  });
}

const user = (content: string): object => ({ role: 'user', content });

test('reads names and values of a scenario', () => {
  expect(parseScenario('Please SCENARIO:bash command="echo \\"a b\\"" reply=ok\nmore')).toEqual({
    name: 'bash',
    args: { command: 'echo "a b"', reply: 'ok' },
  });
  expect(parseScenario('nothing')).toBeNull();
});

test('streams words and usage', async () => {
  const text = await (await ask([user('SCENARIO:text reply="a b"')], true)).text();
  const chunks = text.split('\n\n').filter((line) => line.startsWith('data: {'));
  const parsed = chunks.map(
    (line) => JSON.parse(line.slice(6)) as { choices: [{ delta: { content?: string } }]; usage?: object },
  );
  expect(parsed.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe('a b');
  expect(parsed.at(-1)?.usage).toMatchObject({ prompt_tokens: 100, completion_tokens: 10 });
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
});

test('goes on by the assistant turns since the prompt', async () => {
  const prompt = user('SCENARIO:bash command=true reply=over');
  const first = (await (await ask([prompt], false)).json()) as {
    choices: [{ message: { tool_calls?: object[] } }];
  };
  expect(first.choices[0].message.tool_calls).toHaveLength(1);
  const history = [prompt, { role: 'assistant', content: '' }, { role: 'tool', content: 'x' }];
  expect(await (await ask(history, false)).json()).toMatchObject({
    choices: [{ message: { content: 'over' } }],
  });
});

test('fails as the scenario says', async () => {
  const limited = await ask([user('SCENARIO:error status=429 retryAfter=3600')], true);
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '3600']);
  expect((await ask([user('SCENARIO:nonsense')], true)).status).toBe(400);
  expect((await ask([user('x')], true, 'other')).status).toBe(401);
  await expect(ask([user('SCENARIO:cut')], true).then((reply) => reply.text())).rejects.toThrow();
});

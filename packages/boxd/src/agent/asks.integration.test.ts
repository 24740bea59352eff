import type { BoxAsks } from '@banata/protocol/box';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHostAgent, type HostAgent } from './testing/host-agent.ts';

let agent: HostAgent;

beforeAll(async () => {
  agent = await startHostAgent({ permissions: { '*': 'allow', bash: 'ask', question: 'allow' } });
});

afterAll(() => agent.close());

async function asks(): Promise<BoxAsks> {
  return (await agent.call('GET', '/agent/asks')).body as BoxAsks;
}

function told(type: string): object[] {
  return agent.events.filter((event) => event.type === type).map(({ data }) => data);
}

test('a command waits for its permission, and runs once it has it', async () => {
  await agent.put('allowed', 'SCENARIO:bash command="echo permitted > allowed.txt" reply="Ran it."');
  await agent.when('permission asked', async () => (await asks()).permissions.length === 1);
  const [permission] = (await asks()).permissions;
  expect(permission).toMatchObject({ tool: 'bash' });
  expect(permission?.title).toContain('echo permitted');
  expect(told('agent.permission.requested')).toEqual([{ ...permission, taskId: 'allowed' }]);

  const path = `/agent/asks/permissions/${permission?.permissionId}`;
  expect((await agent.call('POST', path, { answer: 'once' })).status).toBe(200);
  expect(await agent.done('allowed')).toMatchObject({ status: 'completed', resultText: 'Ran it.' });
  expect(told('agent.permission.answered')).toMatchObject([{ taskId: 'allowed', answer: 'once' }]);
  expect((await asks()).permissions).toEqual([]);
});

test('a refusal and its reason reach the model, and the task goes on', async () => {
  await agent.put('refused', 'SCENARIO:bash command="echo no" reply="Went on without."');
  await agent.when('permission asked', async () => (await asks()).permissions.length === 1);
  const [permission] = (await asks()).permissions;
  const reply = { answer: 'reject', message: 'Not on a Friday.' };
  await agent.call('POST', `/agent/asks/permissions/${permission?.permissionId}`, reply);
  expect(await agent.done('refused')).toMatchObject({ status: 'completed', resultText: 'Went on without.' });
  const tools = agent.events.flatMap((event) =>
    event.type === 'agent.part' && event.data.taskId === 'refused' && event.data.part.type === 'tool'
      ? [event.data.part]
      : [],
  );
  expect(tools.at(-1)).toMatchObject({ status: 'error' });
  expect(tools.at(-1)?.output).toContain('Not on a Friday.');
});

test('what a cancelled task asked is asked no more, and a late answer is told so', async () => {
  await agent.put('cancelled', 'SCENARIO:bash command="echo never"');
  await agent.when('permission asked', async () => (await asks()).permissions.length === 1);
  await agent.call('POST', '/agent/tasks/cancelled/cancel', {});
  expect((await asks()).permissions).toEqual([]);
  const late = await agent.call('POST', '/agent/asks/permissions/per_unknown', { answer: 'once' });
  expect(late).toMatchObject({ status: 404, body: { code: 'ASK_NOT_FOUND' } });
});

test('a question waits for its answer, which reaches the model', async () => {
  await agent.put('question', 'SCENARIO:question question="Which colour?" reply="Painted it."');
  await agent.when('question asked', async () => (await asks()).questions.length === 1);
  const [question] = (await asks()).questions;
  expect(question?.questions[0]).toMatchObject({ question: 'Which colour?' });
  const path = `/agent/asks/questions/${question?.questionId}`;
  expect((await agent.call('POST', path, { answers: [['Blue']] })).status).toBe(200);
  expect(await agent.done('question')).toMatchObject({ status: 'completed', resultText: 'Painted it.' });
  expect(told('agent.question.answered')).toMatchObject([{ answers: [['Blue']] }]);
});

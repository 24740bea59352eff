import type { BoxEventBody } from '@banata/protocol/box';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RunningCommands } from '../tasks/running-commands.ts';
import { HandoffDesk } from './handoff-desk.ts';
import { Holds } from './holds.ts';

let directory: string;
let running: string[];
let commands: RunningCommands;
let holds: Holds;
let appended: BoxEventBody[];
let desk: HandoffDesk;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banata-desk-'));
  running = ['one', 'two'];
  commands = new RunningCommands();
  appended = [];
  const silent = (): void => undefined;
  const logger = { info: silent, warn: silent, error: silent };
  holds = new Holds({ path: join(directory, 'holds.json'), logger });
  desk = new HandoffDesk({
    events: { append: async (body: BoxEventBody) => void appended.push(body) },
    holds,
    runningTasks: () => running,
    commands,
    commandWaitMs: 300,
  });
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function runs(
  taskId: string,
  id: string,
  command: string,
  status: 'running' | 'completed' = 'running',
): void {
  const input = { command };
  const state =
    status === 'running'
      ? { status, input }
      : { status, input, output: '', title: '', metadata: {}, time: { start: 0, end: 0 } };
  commands.see(taskId, { type: 'tool', id, tool: 'bash', state } as never);
}
const ask = (message: string) => desk.request({ reason: 'mfa', message });

test('the only task that runs is the one that asks', async () => {
  running = ['one'];
  expect(await ask('Enter it')).toMatchObject({ taskId: 'one' });
  expect(appended).toMatchObject([
    { type: 'handoff.requested', data: { taskId: 'one', message: 'Enter it' } },
  ]);
  expect(holds.held).toBe(true);
});

test('of several the one whose command it is, whatever quotes the words are in', async () => {
  runs('one', 'a', String.raw`banata-request-handoff --reason mfa --message 'It'\''s "here"'`);
  runs('two', 'b', 'banata-request-handoff --reason mfa --message "Elsewhere"');
  expect(await ask('Elsewhere')).toMatchObject({ taskId: 'two' });
  expect(await ask(`It's "here"`)).toMatchObject({ taskId: 'one' });
});

test('two that ask in the same words are both known', async () => {
  runs('one', 'a', 'banata-request-handoff --message Same');
  runs('two', 'b', 'banata-request-handoff --message Same');
  const tasks = await Promise.all([ask('Same'), ask('Same')]);
  expect(new Set(tasks.map(({ taskId }) => taskId))).toEqual(new Set(['one', 'two']));
});

test('waits for word of the command, and answers null where none comes', async () => {
  const late = ask('Late');
  setTimeout(() => runs('two', 'b', 'sh -c "banata-request-handoff --message Late"'), 50);
  expect(await late).toMatchObject({ taskId: 'two' });
  runs('two', 'b', '', 'completed');
  runs('one', 'c', 'ls');
  expect(await ask('Nobody')).toMatchObject({ taskId: null });
  runs('one', 'd', 'banata-request-handoff --message Gone');
  commands.drop('one');
  expect(await ask('Gone')).toMatchObject({ taskId: null });
});

test('what is not in the journal holds nothing', async () => {
  const refuse = { append: () => Promise.reject(new Error('disk full')) };
  const failing = new HandoffDesk({ events: refuse, holds, runningTasks: () => [], commands });
  await expect(failing.request({ reason: 'mfa', message: 'x' })).rejects.toThrow('disk full');
  expect(holds.held).toBe(false);
});

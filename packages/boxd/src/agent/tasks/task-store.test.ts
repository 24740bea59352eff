import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newTaskRecord, type TaskRecord } from './task-record.ts';
import { TaskStore } from './task-store.ts';

const request = {
  prompt: 'do it',
  sessionId: null,
  agent: null,
  system: null,
  timeoutMs: 1000,
  noReply: false,
  model: null,
  files: [],
  whileHeld: 'wait' as const,
  responseSchema: null,
  replay: null,
  budget: null,
};

let folder: string;
let store: TaskStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banata-tasks-'));
  store = new TaskStore(folder);
  await store.open();
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

function finished(record: TaskRecord): TaskRecord {
  return { ...record, task: { ...record.task, status: 'completed' } };
}

describe('the journal of tasks', () => {
  test('gives back what was saved', async () => {
    const record = newTaskRecord('task-1', request, 4);
    await store.save(record);
    expect(await store.load('task-1')).toEqual(record);
    expect(await store.load('task-2')).toBeNull();
    expect(await readdir(folder)).toEqual(['task-1.json']);
  });

  test('drops the prompt of a finished task', async () => {
    await store.save(finished(newTaskRecord('task-1', request, 1)));
    expect(await readFile(join(folder, 'task-1.json'), 'utf8')).not.toContain('do it');
  });

  test('lists unfinished tasks in order of arrival, and the order of the next', async () => {
    for (const [id, order] of Object.entries({ c: 3, a: 1, b: 2 }))
      await store.save(newTaskRecord(id, request, order));
    await store.save(finished(newTaskRecord('done', request, 9)));
    const { records, nextOrder } = await store.loadUnfinished(() => undefined);
    expect(records.map(({ task }) => task.taskId)).toEqual(['a', 'b', 'c']);
    expect(nextOrder).toBe(10);
  });

  test('names damaged files and goes on', async () => {
    await store.save(newTaskRecord('good', request, 1));
    await writeFile(join(folder, 'bad.json'), '{"version":1,');
    await writeFile(join(folder, 'x.json.12.tmp'), 'half');
    const damaged: string[] = [];
    const { records } = await store.loadUnfinished((taskId) => damaged.push(taskId));
    expect(records.map(({ task }) => task.taskId)).toEqual(['good']);
    expect(damaged).toEqual(['bad']);
    expect((await readdir(folder)).toSorted()).toEqual(['bad.json', 'good.json']);
    await expect(store.load('bad')).rejects.toMatchObject({ code: 'TASK_JOURNAL_DAMAGED', status: 500 });
  });

  test('keeps the newest thousand', async () => {
    const text = JSON.stringify(finished(newTaskRecord('x', request, 1)));
    for (let i = 0; i < 1003; i += 1) {
      const file = join(folder, `t${i}.json`);
      await writeFile(file, text);
      await utimes(file, 1000 + i, 1000 + i);
    }
    await store.loadUnfinished(() => undefined);
    const left = await readdir(folder);
    expect(left).toHaveLength(1000);
    expect(left).not.toContain('t2.json');
    expect(left).toContain('t3.json');
  });

  test.each(['', '../x', 'a/b', 'a.b', 'x'.repeat(129)])('refuses the id %j', async (taskId) => {
    await expect(store.load(taskId)).rejects.toMatchObject({ code: 'INVALID_TASK_ID', status: 400 });
  });
});

import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxError } from '../../http/route.ts';
import { writeFileAtomically } from '../../atomic-file.ts';
import { isFinal, type TaskRecord, taskRecordSchema } from './task-record.ts';

const TASK_ID = /^[A-Za-z0-9_-]{1,128}$/;
/** Finished tasks kept for late questions; the server keeps its own record of every one. */
const KEPT_TASKS = 1000;

/** Throws a {@link BoxError} 400 for an id that is no plain name. */
export function checkTaskId(taskId: string): void {
  if (TASK_ID.test(taskId)) return;
  const message = 'taskId must be 1 to 128 letters, digits, "-" or "_"; send the id the server gave the task';
  throw new BoxError(400, 'INVALID_TASK_ID', message);
}

/** Journal of the tasks: one file each, replaced as a whole. */
export class TaskStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
  }

  async save(record: TaskRecord): Promise<void> {
    // The prompt of a finished task is of no more use here and may be large.
    const kept = isFinal(record.task)
      ? { ...record, request: { ...record.request, prompt: '', replay: null } }
      : record;
    await writeFileAtomically(this.#path(record.task.taskId), JSON.stringify(kept));
  }

  /** Null when there is no such task. Throws a {@link BoxError} 500 when its file cannot be understood. */
  async load(taskId: string): Promise<TaskRecord | null> {
    checkTaskId(taskId);
    let text: string;
    try {
      text = await readFile(this.#path(taskId), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
    try {
      return taskRecordSchema.parse(JSON.parse(text));
    } catch (error) {
      const message = `the journal of task ${taskId} is damaged; start the work again as a new task`;
      throw new BoxError(500, 'TASK_JOURNAL_DAMAGED', message, { cause: error });
    }
  }

  /** Tasks without a final state, in order of arrival, and the order of the next task. Drops the oldest finished ones. */
  async loadUnfinished(
    onDamaged: (taskId: string) => void,
  ): Promise<{ records: TaskRecord[]; nextOrder: number }> {
    const records: TaskRecord[] = [];
    let nextOrder = 1;
    for (const taskId of await this.#newestIds()) {
      const record = await this.load(taskId).catch(() => null);
      if (record === null) onDamaged(taskId);
      else {
        nextOrder = Math.max(nextOrder, record.order + 1);
        if (!isFinal(record.task)) records.push(record);
      }
    }
    return { records: records.sort((a, b) => a.order - b.order), nextOrder };
  }

  /** Ids of the newest files; older ones and remains of broken writes are removed. */
  async #newestIds(): Promise<string[]> {
    const names = await readdir(this.#folder);
    const files: Array<{ name: string; changedAt: number }> = [];
    for (const name of names) {
      const path = join(this.#folder, name);
      if (name.endsWith('.tmp')) await rm(path, { force: true });
      else if (name.endsWith('.json')) files.push({ name, changedAt: (await stat(path)).mtimeMs });
    }
    files.sort((a, b) => b.changedAt - a.changedAt);
    for (const { name } of files.slice(KEPT_TASKS)) await rm(join(this.#folder, name), { force: true });
    return files.slice(0, KEPT_TASKS).map(({ name }) => name.slice(0, -'.json'.length));
  }

  #path(taskId: string): string {
    return join(this.#folder, `${taskId}.json`);
  }
}

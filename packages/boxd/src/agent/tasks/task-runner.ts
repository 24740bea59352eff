import type { BoxTask, BoxTaskRequest } from '@banata/protocol/box';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoxError } from '../../http/route.ts';
import type { BoxLogger } from '../../services.ts';
import type { EventPublisher } from '../events/publisher.ts';
import type { Recording, StepRecorder } from '../steps/step-recorder.ts';
import { changedFiles } from './changed-files.ts';
import type { TaskLimits } from './limits.ts';
import { RunningCommands } from './running-commands.ts';
import { runReplay } from './replay-task.ts';
import { runTask, type TaskContext } from './run-task.ts';
import { TaskStopped } from './stop-reason.ts';
import type { TaskError } from './task-error.ts';
import { isFinal, newTaskRecord, type TaskRecord } from './task-record.ts';
import { checkTaskId, type TaskStore } from './task-store.ts';
import type { TurnOutcome } from './turn.ts';

export interface TaskRunnerOptions {
  store: TaskStore;
  publisher: EventPublisher;
  logger: BoxLogger;
  limits: TaskLimits;
  /** Whether tasks that wait are not to be begun, since a person is asked for. */
  held: () => boolean;
  agent: Pick<
    TaskContext,
    'whenReady' | 'prepareTools' | 'repairTools' | 'workspace' | 'account' | 'path' | 'providerId' | 'browser'
  >;
  /** Records what a task does. */
  openRecorder: () => StepRecorder;
  /** Told that a task no longer runs. */
  onEnded: (taskId: string) => void;
  /** Told of a finished recording before its task gets its final state; never rejects. */
  onRecorded: (task: BoxTask, recording: Recording) => Promise<void>;
}

/** Tasks that wait at most; beyond that the box refuses more. */
const MAX_UNFINISHED = 1000;

const SAVE_ATTEMPTS = 6;
const SAVE_PAUSE_MS = 2_000;
/** Longest time a timer can take. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Entry {
  record: TaskRecord;
  controller: AbortController;
  /** Set while it runs. */
  done: Promise<void> | null;
}

/**
 * Runs tasks: those of one session in order of arrival, those of different sessions side by side. Every change is in
 * the journal before anybody sees it, and each task gets exactly one final state.
 */
export class TaskRunner {
  readonly #options: TaskRunnerOptions;
  readonly #entries = new Map<string, Entry>();
  /** Submissions whose first entry in the journal is on its way. */
  readonly #submitting = new Map<string, Promise<BoxTask>>();
  /** Final states that the journal did not take, of a full disk, say. */
  readonly #unsaved = new Map<string, BoxTask>();
  readonly #recorders = new Map<string, StepRecorder>();
  /** Commands that the agent of a running task runs now. */
  readonly commands = new RunningCommands();
  #nextOrder = 1;
  #stopped = false;

  constructor(options: TaskRunnerOptions) {
    this.#options = options;
  }

  /** Takes up what the journal holds unfinished, and begins to run. */
  async open(): Promise<void> {
    const { store, logger } = this.#options;
    await store.open();
    const onDamaged = (taskId: string): void => logger.error('agent.task.damaged', { taskId });
    const { records, nextOrder } = await store.loadUnfinished(onDamaged);
    this.#nextOrder = nextOrder;
    for (const record of records) this.#add(record);
    this.#pump();
  }

  /** Leaves running tasks as they are in the journal; they are judged at the next start. */
  async close(): Promise<void> {
    this.#stopped = true;
    const running = [...this.#entries.values()];
    for (const { controller } of running) controller.abort(new TaskStopped({ kind: 'shutdown' }));
    await Promise.all(running.map(({ done }) => done ?? Promise.resolve()));
  }

  /** Takes a task once: the same id again answers the task as it is. */
  async submit(taskId: string, request: BoxTaskRequest): Promise<BoxTask> {
    checkTaskId(taskId);
    const pending = this.#submitting.get(taskId);
    if (pending !== undefined) return pending;
    const submission = this.#submit(taskId, request).finally(() => this.#submitting.delete(taskId));
    this.#submitting.set(taskId, submission);
    return submission;
  }

  /** Null when there is no such task. */
  async get(taskId: string): Promise<BoxTask | null> {
    checkTaskId(taskId);
    const entry = this.#entries.get(taskId);
    if (entry !== undefined) return entry.record.task;
    const unsaved = this.#unsaved.get(taskId);
    if (unsaved !== undefined) return unsaved;
    return (await this.#options.store.load(taskId))?.task ?? null;
  }

  /**
   * Resolves to the task once it has its final state; null when there is no such task.
   * @param error ends it as failed, not as cancelled.
   */
  async cancel(taskId: string, error?: TaskError): Promise<BoxTask | null> {
    checkTaskId(taskId);
    await this.#submitting.get(taskId);
    const entry = this.#entries.get(taskId);
    if (entry === undefined) return this.get(taskId);
    const why = error === undefined ? ({ kind: 'cancelled' } as const) : ({ kind: 'failed', error } as const);
    entry.controller.abort(new TaskStopped(why));
    if (entry.done === null) this.#run(entry);
    await entry.done;
    return entry.record.task;
  }

  /** To be called when `held` has become false. */
  resume(): void {
    this.#pump();
  }

  /** Ids of the tasks that run or wait, in order of arrival. */
  unfinished(): string[] {
    return [...this.#entries.keys()];
  }

  /** What a running task was seen to do so far; null when it does not run. */
  async recording(taskId: string): Promise<Recording | null> {
    return (await this.#recorders.get(taskId)?.recording()) ?? null;
  }

  running(): string[] {
    return [...this.#entries.values()].flatMap(({ done, record }) =>
      done === null ? [] : [record.task.taskId],
    );
  }

  async #submit(taskId: string, request: BoxTaskRequest): Promise<BoxTask> {
    const known = await this.#known(taskId);
    if (known !== null) return known;
    if (this.#stopped)
      throw new BoxError(409, 'AGENT_OFF', 'the agent is being stopped and takes no more tasks');
    if (this.#entries.size >= MAX_UNFINISHED) {
      const message = `${MAX_UNFINISHED} tasks are waiting already; send the task again when some are done`;
      throw new BoxError(429, 'TOO_MANY_TASKS', message);
    }
    const record = newTaskRecord(taskId, request, this.#nextOrder);
    this.#nextOrder += 1;
    await this.#options.store.save(record);
    void this.#options.publisher.publish({ type: 'task.updated', data: record.task });
    const { task } = record;
    this.#add(record);
    this.#pump();
    return task;
  }

  /**
   * The task as it is, if it was submitted before. One that is in the journal and waits for nobody (its first write was
   * reported as failed and reached the disk all the same) is taken up.
   */
  async #known(taskId: string): Promise<BoxTask | null> {
    const present = this.#entries.get(taskId)?.record.task ?? this.#unsaved.get(taskId);
    if (present !== undefined) return present;
    const record = await this.#options.store.load(taskId);
    if (record === null) return null;
    const { task } = record;
    if (!isFinal(task) && !this.#stopped) {
      this.#add(record);
      this.#pump();
    }
    return task;
  }

  #add(record: TaskRecord): void {
    this.#entries.set(record.task.taskId, { record, controller: new AbortController(), done: null });
  }

  /** Starts what may start now. */
  #pump(): void {
    if (this.#stopped) return;
    const busySessions = new Set<string>();
    let free = this.#options.limits.parallelTasks - this.running().length;
    const held = this.#options.held();
    // In order of arrival, so an entry that waits keeps later ones of its session waiting.
    for (const entry of inOrder(this.#entries.values())) {
      const session = entry.record.task.sessionId;
      if (held && entry.done === null && entry.record.request.whileHeld === 'wait') continue;
      const blocked = session !== null && busySessions.has(session);
      if (session !== null) busySessions.add(session);
      if (entry.done !== null || blocked || free <= 0) continue;
      free -= 1;
      this.#run(entry);
    }
  }

  #run(entry: Entry): void {
    const { logger } = this.#options;
    entry.done = this.#runToEnd(entry)
      .catch((error: unknown) =>
        logger.error('agent.task.failed', { taskId: entry.record.task.taskId, error }),
      )
      .finally(() => {
        this.#entries.delete(entry.record.task.taskId);
        this.#options.onEnded(entry.record.task.taskId);
        this.#pump();
      });
  }

  async #runToEnd({ record, controller }: Entry): Promise<void> {
    const { request } = record;
    const recorder = this.#options.openRecorder();
    this.#recorders.set(record.task.taskId, recorder);
    const begun = Date.now();
    const spentMs = record.promptedAt === null ? 0 : begun - record.promptedAt;
    const message = `the task was not done after ${request.timeoutMs / 1000} s and was ended`;
    const timer = setTimeout(
      () => controller.abort(new TaskStopped({ kind: 'failed', error: { code: 'TASK_TIMEOUT', message } })),
      Math.min(Math.max(0, request.timeoutMs - spentMs), MAX_TIMER_MS),
    );
    try {
      const run = request.replay === null ? runTask : runReplay;
      const outcome = await run(this.#context(record, recorder), record, controller.signal);
      await this.#finish(record, outcome);
    } finally {
      clearTimeout(timer);
      this.#recorders.delete(record.task.taskId);
      this.commands.drop(record.task.taskId);
      recorder.close();
    }
    this.#log(record, begun);
  }

  #log({ task }: TaskRecord, begun: number): void {
    const { taskId, sessionId, status, usage, error } = task;
    const fields = { taskId, sessionId, status, code: error?.code, durationMs: Date.now() - begun, ...usage };
    this.#options.logger.info('agent.task', fields);
  }

  #context({ task }: TaskRecord, recorder: StepRecorder): TaskContext {
    const { publisher, logger, limits, agent } = this.#options;
    const save = (record: TaskRecord): Promise<void> => this.#save(record);
    const onTool: TaskContext['onTool'] = (part, ofSubagent) => {
      this.commands.see(task.taskId, part);
      // What subagents do is told by the tool call that began them.
      if (!ofSubagent) recorder.see(part);
    };
    return { publisher, logger, limits, ...agent, save, onTool };
  }

  async #save(record: TaskRecord): Promise<void> {
    await this.#options.store.save(record);
    void this.#options.publisher.publish({ type: 'task.updated', data: record.task });
  }

  async #finish(record: TaskRecord, outcome: TurnOutcome): Promise<void> {
    if (outcome.status === 'shutdown' || outcome.status === 'lost') return;
    const { status, resultText, usage } = outcome;
    const error = outcome.status === 'completed' ? null : outcome.error;
    const structured = outcome.status === 'completed' ? (outcome.structured ?? null) : null;
    const heldBack = outcome.status === 'completed' && outcome.heldBack === true;
    const { startedAt } = record.task;
    const { workspace } = this.#options.agent;
    const filesChanged = startedAt === null ? [] : await changedFiles(workspace, startedAt);
    const finishedAt = Date.now();
    const ended = { status, resultText, structured, filesChanged, usage, error, heldBack, finishedAt };
    const task: BoxTask = { ...record.task, ...ended };
    const recording = await this.recording(task.taskId);
    if (recording !== null) await this.#options.onRecorded(task, recording);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#save({ ...record, task });
        break;
      } catch (failure) {
        this.#options.logger.error('agent.task.unsaved', { taskId: task.taskId, attempt, error: failure });
        if (attempt === SAVE_ATTEMPTS) {
          this.#unsaved.set(task.taskId, task);
          break;
        }
        await sleep(SAVE_PAUSE_MS);
      }
    }
    record.task = task;
  }
}

/** Those that run, then those that go first, then the others as they came. */
function inOrder(entries: Iterable<Entry>): Entry[] {
  const rank = ({ done, record }: Entry): number => {
    if (done !== null) return 0;
    return record.request.whileHeld === 'first' ? 1 : 2;
  };
  return [...entries].sort((a, b) => rank(a) - rank(b));
}

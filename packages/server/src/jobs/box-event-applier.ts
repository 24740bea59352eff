import { DEFAULT_HANDOFF_EXPIRY_MS, type ErrorCode, type EventType } from '@banata/protocol';
import type { BoxEvent, BoxEventBody, BoxHandoff, BoxTask, TaskReport } from '@banata/protocol/box';
import type { Updateable } from 'kysely';
import type { AgentTasksTable, TaskRow } from '../database/tables/agent.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Logger } from '../logger.ts';
import { traceTask } from '../services/agent/trace-task.ts';
import type { ArtifactService } from '../services/artifacts.ts';
import type { PublishRequests } from '../services/artifacts/publish-requests.ts';
import type { RecordingService } from '../services/browser-keeping/recordings.ts';
import type { PairedFiles } from '../services/browsers/paired-files.ts';
import { toApiError } from '../services/failures.ts';
import { fieldsFromBox } from '../services/handoff/secret-fields.ts';
import { toTask } from '../services/agent/task-view.ts';
import type { EventStore, NewEvent, Tx } from '../stores/event-store.ts';
import type { HandoffStore } from '../stores/handoff-store.ts';
import { finishWaiting, holdBack, waitsForHandoff } from '../stores/handoff-tasks.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { TaskStore } from '../stores/task-store.ts';
import { storableJson, storableText } from '../stores/text.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { browserBoxEntries } from './browser-box-entries.ts';

export interface BoxEventApplierDeps {
  sandboxes: SandboxStore;
  tasks: TaskStore;
  events: EventStore;
  artifacts: ArtifactService;
  tracing: Tracing;
  publishRequests: PublishRequests;
  handoffs: HandoffStore;
  /** Called after a box has asked for a person. */
  onHandoff: (sandboxId: string) => Promise<void>;
  recordings: Pick<RecordingService, 'take'>;
  pairedFiles: Pick<PairedFiles, 'bringAll'>;
  logger: Logger;
  now: () => number;
}

const NO_ROOM = new Set<ErrorCode>(['ARTIFACT_QUOTA_EXCEEDED', 'HOST_DISK_FULL']);

const taskEvents = {
  running: 'sandbox.agent.task.running',
  waiting_for_human: 'sandbox.agent.task.waiting_for_human',
  completed: 'sandbox.agent.task.completed',
  failed: 'sandbox.agent.task.failed',
  cancelled: 'sandbox.agent.task.cancelled',
} as const satisfies Partial<Record<TaskRow['status'], EventType>>;

/**
 * Takes over what a box's journal tells: into the rows of tasks and the events of the sandbox, together with the
 * journal's cursor, so that every entry is applied exactly once, whatever crashes in between.
 */
export class BoxEventApplier {
  readonly #deps: BoxEventApplierDeps;

  constructor(deps: BoxEventApplierDeps) {
    this.#deps = deps;
  }

  /** @param entries in order, after the cursor on record. */
  async apply(sandbox: SandboxRow, entries: BoxEvent[]): Promise<void> {
    const last = entries.at(-1);
    if (!last) return;
    const batch =
      sandbox.kind === 'sandbox'
        ? entries
        : await this.#deps.pairedFiles.bringAll(sandbox, browserBoxEntries(sandbox, entries));
    // Outside the transaction, since it writes to the object store; keeping a report twice replaces it by itself.
    for (const { body } of batch) {
      if (body.type === 'task.report') await this.#keepReport(sandbox, body.data);
      // On its own time: the box asks again until it is answered.
      if (body.type === 'recording.ended') this.#deps.recordings.take(sandbox);
      if (body.type === 'artifact.requested') this.#deps.publishRequests.take(sandbox, body.data);
    }
    await this.#applyIn(sandbox.id, async (tx, finished) => {
      const fresh = await this.#advance(tx, sandbox.id, last.cursor);
      const events: NewEvent[] = [];
      for (const { cursor, body } of batch) {
        if (cursor > fresh) events.push(...(await this.#translate(tx, sandbox.id, body, finished)));
      }
      return events;
    });
    if (batch.some(({ body }) => body.type === 'handoff.requested')) await this.#deps.onHandoff(sandbox.id);
  }

  /** Takes over the state of one task, as the box answered it. */
  async applyTask(sandboxId: string, task: BoxTask): Promise<void> {
    await this.#applyIn(sandboxId, (tx, finished) => this.#translateTask(tx, sandboxId, task, finished));
  }

  /** @param work changes rows, answers the events that tell of it, and names the tasks it finished. */
  async #applyIn(
    sandboxId: string,
    work: (tx: Tx, finished: TaskRow[]) => Promise<NewEvent[]>,
  ): Promise<void> {
    const { tasks, events, tracing, now } = this.#deps;
    const finished = await tasks.transaction(sandboxId, async (tx) => {
      const rows: TaskRow[] = [];
      await events.append(tx, sandboxId, await work(tx, rows), now());
      return rows;
    });
    for (const task of finished) traceTask(tracing, task);
  }

  /** A report that finds no room is still in its event and in the sandbox's runtime; what comes after it must not wait. */
  async #keepReport(
    sandbox: SandboxRow,
    { report, taskId }: { report: TaskReport; taskId: string | null },
  ): Promise<void> {
    try {
      await this.#deps.artifacts.keepReport(sandbox, report, taskId);
    } catch (error) {
      if (!NO_ROOM.has(toApiError(error).code)) throw error;
      this.#deps.logger.warn(
        { event: 'task-report.not-kept', sandboxId: sandbox.id, err: error },
        'there was no room to keep a task report as an artifact',
      );
    }
  }

  /** @returns the cursor before. */
  async #advance(tx: Tx, sandboxId: string, cursor: number): Promise<number> {
    const { box_cursor: before } = await tx
      .selectFrom('sandboxes')
      .select('box_cursor')
      .where('id', '=', sandboxId)
      .executeTakeFirstOrThrow();
    await tx
      .updateTable('sandboxes')
      .set({ box_cursor: Math.max(before, cursor) })
      .where('id', '=', sandboxId)
      .execute();
    return before;
  }

  async #translate(tx: Tx, sandboxId: string, body: BoxEventBody, finished: TaskRow[]): Promise<NewEvent[]> {
    switch (body.type) {
      case 'task.updated':
        return this.#translateTask(tx, sandboxId, body.data, finished);
      case 'task.report':
        await this.#deps.tasks.setReport(tx, sandboxId, body.data);
        return [{ type: 'sandbox.agent.task.report', data: body.data }];
      case 'handoff.requested':
        await this.#takeHandoff(tx, sandboxId, body.data);
        return [];
      case 'artifact.requested':
      case 'recording.ended':
        return [];
      default:
        // The box's names are those of the sandbox's events, without the first word.
        return [{ type: `sandbox.${body.type}`, data: body.data } as NewEvent];
    }
  }

  async #takeHandoff(tx: Tx, sandboxId: string, asked: BoxHandoff): Promise<void> {
    const now = this.#deps.now();
    const taskId = asked.requestedBy === 'worker' ? await onlyRunning(tx, sandboxId) : asked.taskId;
    return this.#deps.handoffs.insertFromBox(
      tx,
      sandboxId,
      {
        id: asked.requestId,
        reason: asked.reason,
        message: storableText(asked.message),
        requestedBy: asked.requestedBy ?? 'agent',
        resumePrompt: asked.resumePrompt === undefined ? null : storableText(asked.resumePrompt),
        expiresAt: now + (asked.expiresInMs ?? DEFAULT_HANDOFF_EXPIRY_MS),
        taskId: taskId === null ? null : storableText(taskId),
        ...fieldsFromBox(asked),
        detected: asked.detected ?? null,
      },
      now,
    );
  }

  async #translateTask(tx: Tx, sandboxId: string, task: BoxTask, finished: TaskRow[]): Promise<NewEvent[]> {
    const now = this.#deps.now();
    const before = await tx
      .selectFrom('agent_tasks')
      .selectAll()
      .where('id', '=', task.taskId)
      .where('sandbox_id', '=', sandboxId)
      .executeTakeFirst();
    if (!before || before.finished_at !== null || task.status === 'queued') return [];
    // The box is done with it; what goes on for it ends it.
    if (before.status === 'waiting_for_human') return [];
    const goesOn = await this.#waitsForPerson(tx, before, task);
    const waits = goesOn !== undefined;
    const status = waits ? 'waiting_for_human' : task.status;
    const row = await this.#deps.tasks.updateOpen(tx, sandboxId, task.taskId, {
      ...columnsOf(task, now),
      ...(waits ? { status, finished_at: null } : {}),
    });
    if (!row || before.status === status) return [];
    const ended: NewEvent = { type: taskEvents[status], data: toTask(row) };
    // What ended it comes first: at the end of a task many stop to listen.
    const events = [...budgetEvents(row), ended, ...(goesOn ?? [])];
    if (row.finished_at !== null) {
      const waiting = await finishWaiting(tx, row, now);
      events.push(...waiting.events);
      finished.push(row, ...waiting.rows);
    }
    if (task.status === 'running') {
      await this.#deps.sandboxes.transitionIn(
        tx,
        sandboxId,
        { to: 'active', events: [{ type: 'sandbox.active', data: {} }] },
        now,
      );
    }
    return events;
  }

  /** @returns undefined where a task whose turn has ended waits for nobody, else the events of what goes on for it already. */
  async #waitsForPerson(tx: Tx, row: TaskRow, task: BoxTask): Promise<NewEvent[] | undefined> {
    if (task.status !== 'completed') return undefined;
    if (await waitsForHandoff(tx, row.sandbox_id, row.id)) return [];
    return task.heldBack ? holdBack(tx, row, this.#deps.now()) : undefined;
  }
}

/** The task whose browser a detector looked at, where it can be told: that one waits for the person. */
async function onlyRunning(tx: Tx, sandboxId: string): Promise<string | null> {
  const running = await tx
    .selectFrom('agent_tasks')
    .select('id')
    .where('sandbox_id', '=', sandboxId)
    .where('status', '=', 'running')
    .limit(2)
    .execute();
  return running.length === 1 ? (running[0]?.id ?? null) : null;
}

function budgetEvents(row: TaskRow): NewEvent[] {
  const { code, message } = row.error ?? {};
  if (row.finished_at === null || (code !== 'BUDGET_EXCEEDED' && code !== 'COST_UNKNOWN')) return [];
  const { taskId, usage } = toTask(row);
  return [{ type: 'sandbox.agent.budget.exceeded', data: { taskId, code, message: message ?? '', usage } }];
}

/** What the box says of a task, as it is stored. */
function columnsOf(task: BoxTask, now: number): Updateable<AgentTasksTable> {
  const { status, sessionId, resultText, filesChanged, usage } = task;
  const json = (value: unknown): string | null => (value === null ? null : storableJson(value));
  return {
    status,
    session_id: sessionId === null ? null : storableText(sessionId),
    result_text: resultText === null ? null : storableText(resultText),
    structured: json(task.structured),
    files_changed: storableJson(filesChanged),
    replay: json(task.replay),
    ...(status === 'running' ? {} : { replay_sealed: null }),
    error: json(task.error),
    usage: storableJson(usage),
    started_at: task.startedAt ?? now,
    finished_at: status === 'running' ? null : (task.finishedAt ?? now),
  };
}

import type { EventType } from '@banata/protocol';
import type { BoxEvent, BoxEventBody, BoxTask } from '@banata/protocol/box';
import type { Updateable } from 'kysely';
import type { AgentTasksTable, SandboxRow } from '../database/schema.ts';
import type { ArtifactService } from '../services/artifacts.ts';
import { toTask } from '../services/agent/task-view.ts';
import type { EventStore, NewEvent, Tx } from '../stores/event-store.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import type { TaskStore } from '../stores/task-store.ts';
import { storableJson, storableText } from '../stores/text.ts';

export interface BoxEventApplierDeps {
  sandboxes: SandboxStore;
  tasks: TaskStore;
  events: EventStore;
  artifacts: ArtifactService;
  now: () => number;
}

const taskEvents = {
  running: 'sandbox.agent.task.running',
  completed: 'sandbox.agent.task.completed',
  failed: 'sandbox.agent.task.failed',
  cancelled: 'sandbox.agent.task.cancelled',
} as const satisfies Partial<Record<BoxTask['status'], EventType>>;

/**
 * Takes over what a box's journal tells: into the rows of tasks and the events of the sandbox, together with the
 * journal's cursor, so that every entry is applied exactly once, whatever crashes in between.
 */
export class BoxEventApplier {
  readonly #deps: BoxEventApplierDeps;

  constructor(deps: BoxEventApplierDeps) {
    this.#deps = deps;
  }

  /** @param batch entries in order, after the cursor on record. */
  async apply(sandbox: SandboxRow, batch: BoxEvent[]): Promise<void> {
    const last = batch.at(-1);
    if (!last) return;
    // Outside the transaction, since it writes to the object store; keeping a report twice replaces it by itself.
    for (const { body } of batch) {
      if (body.type === 'task.report')
        await this.#deps.artifacts.keepReport(sandbox, body.data.report, body.data.taskId);
    }
    await this.#deps.tasks.transaction(sandbox.id, async (tx) => {
      const fresh = await this.#advance(tx, sandbox.id, last.cursor);
      const events: NewEvent[] = [];
      for (const entry of batch) {
        if (entry.cursor > fresh) events.push(...(await this.#translate(tx, sandbox.id, entry.body)));
      }
      await this.#deps.events.append(tx, sandbox.id, events, this.#deps.now());
    });
  }

  /** Takes over the state of one task, as the box answered it. */
  async applyTask(sandboxId: string, task: BoxTask): Promise<void> {
    await this.#deps.tasks.transaction(sandboxId, async (tx) => {
      const events = await this.#translateTask(tx, sandboxId, task);
      await this.#deps.events.append(tx, sandboxId, events, this.#deps.now());
    });
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

  async #translate(tx: Tx, sandboxId: string, body: BoxEventBody): Promise<NewEvent[]> {
    switch (body.type) {
      case 'task.updated':
        return this.#translateTask(tx, sandboxId, body.data);
      case 'task.report':
        await this.#deps.tasks.setReport(tx, sandboxId, body.data);
        return [{ type: 'sandbox.agent.task.report', data: body.data }];
      default:
        return [plainEvent(body)];
    }
  }

  async #translateTask(tx: Tx, sandboxId: string, task: BoxTask): Promise<NewEvent[]> {
    const now = this.#deps.now();
    const before = await tx
      .selectFrom('agent_tasks')
      .select(['status', 'finished_at'])
      .where('id', '=', task.taskId)
      .where('sandbox_id', '=', sandboxId)
      .executeTakeFirst();
    if (!before || before.finished_at !== null || task.status === 'queued') return [];
    const row = await this.#deps.tasks.updateOpen(tx, sandboxId, task.taskId, {
      ...storedOutcome(task),
      status: task.status,
      started_at: task.startedAt ?? now,
      finished_at: task.status === 'running' ? null : (task.finishedAt ?? now),
    });
    if (!row || before.status === task.status) return [];
    if (task.status === 'running') {
      await this.#deps.sandboxes.transitionIn(
        tx,
        sandboxId,
        { to: 'active', events: [{ type: 'sandbox.active', data: {} }] },
        now,
      );
    }
    return [{ type: taskEvents[task.status], data: toTask(row) }];
  }
}

/** Entries that become events as they are. */
function plainEvent(body: Exclude<BoxEventBody, { type: 'task.updated' | 'task.report' }>): NewEvent {
  switch (body.type) {
    case 'browser.ready':
      return { type: 'sandbox.browser.ready', data: body.data };
    case 'browser.failed':
      return { type: 'sandbox.browser.failed', data: body.data };
    case 'agent.ready':
      return { type: 'sandbox.agent.ready', data: body.data };
    case 'agent.failed':
      return { type: 'sandbox.agent.failed', data: body.data };
    case 'agent.text.delta':
      return { type: 'sandbox.agent.text.delta', data: body.data };
    case 'agent.part':
      return { type: 'sandbox.agent.part', data: body.data };
    case 'agent.status':
      return { type: 'sandbox.agent.status', data: body.data };
    case 'agent.permission.requested':
      return { type: 'sandbox.agent.permission.requested', data: body.data };
    case 'agent.permission.answered':
      return { type: 'sandbox.agent.permission.answered', data: body.data };
    case 'agent.question.asked':
      return { type: 'sandbox.agent.question.asked', data: body.data };
    case 'agent.question.answered':
      return { type: 'sandbox.agent.question.answered', data: body.data };
    case 'limit.reached':
      return { type: 'sandbox.limit.reached', data: body.data };
    case 'agent.todo':
      return { type: 'sandbox.agent.todo', data: body.data };
  }
}

function storedOutcome(task: BoxTask): Updateable<AgentTasksTable> {
  const json = (value: unknown): string | null => (value === null ? null : storableJson(value));
  return {
    session_id: task.sessionId === null ? null : storableText(task.sessionId),
    result_text: task.resultText === null ? null : storableText(task.resultText),
    structured: json(task.structured),
    files_changed: storableJson(task.filesChanged),
    replay: json(task.replay),
    ...(task.status === 'running' ? {} : { replay_sealed: null }),
    error: json(task.error),
    usage: storableJson(task.usage),
  };
}

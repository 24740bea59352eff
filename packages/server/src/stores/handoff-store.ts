import { newId, normalizeCapabilities } from '@banata/protocol';
import { sql, type SelectQueryBuilder } from 'kysely';
import type { Database } from '../database/connect.ts';
import type { Tables } from '../database/schema.ts';
import type { HandoffRow } from '../database/tables/agent.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import { NO_CONTROL, type Control } from '../services/control/control.ts';
import { isOpen, OPEN_HANDOFF, settle, type HandoffState } from '../services/handoff/handoff.ts';
import { toHandoff } from '../services/handoff/handoff-view.ts';
import { takesWork } from '../services/sandboxes/status.ts';
import { hasPairedBrowser, lockSandbox, pairedBrowserOf, withControlOf } from './browser-of-sandbox.ts';
import type { ControlStore } from './control-store.ts';
import { byOrdinal, decodeCursor, toPage, type Page } from './cursor.ts';
import type { EventStore, NewEvent, Tx } from './event-store.ts';
import { dequeue, dequeueOfTask, enqueue, hasFollowUpAtWork, type QueuedHandoff } from './handoff-queue.ts';
import { closeForTask, followUp, waitsStill, type FollowUpChoice } from './handoff-tasks.ts';
import { storableJson } from './text.ts';
import { TASKS_CHANNEL } from './task-store.ts';

interface PageWanted {
  limit: number;
  cursor?: string | undefined;
}

export interface NewHandoff {
  id?: string;
  reason: HandoffRow['reason'];
  message: string;
  requestedBy: HandoffRow['requested_by'];
  resumePrompt: string | null;
  fields: HandoffRow['fields'];
  deliver: HandoffRow['deliver'];
  detected: HandoffRow['detected'];
  expiresAt: number;
  taskId: string | null;
}

/** What a request's end does beside ending it. */
export interface HandoffEnd {
  returnControlTo: 'ai' | 'shared';
  followUp: FollowUpChoice;
}

const RECENT = 60;
const TASK_ENDED = 'The task that waited had ended.';
const TASK_CANCELLED = 'The task that waited was cancelled.';
const DEFAULT_END: HandoffEnd = { returnControlTo: 'ai', followUp: 'default' };

/** Requests for a person: row, control of the browser, the agent's follow-up and events change together. */
export class HandoffStore {
  readonly #db: Database;
  readonly #events: EventStore;
  readonly #control: ControlStore;

  constructor(db: Database, events: EventStore, control: ControlStore) {
    this.#db = db;
    this.#events = events;
    this.#control = control;
  }

  find(sandboxId: string, id: string): Promise<HandoffRow | undefined> {
    return this.#ofSandbox(sandboxId).where('id', '=', id).executeTakeFirst();
  }

  newest(sandboxId: string): Promise<HandoffRow | undefined> {
    return this.#ofSandbox(sandboxId).orderBy('ordinal', 'desc').limit(1).executeTakeFirst();
  }

  findOpen(sandboxId: string): Promise<HandoffRow | undefined> {
    return this.#ofSandbox(sandboxId).where('status', 'in', OPEN_HANDOFF).executeTakeFirst();
  }

  /** The newest requests of a sandbox, newest first: more than its box can ask for at a time. */
  recent(sandboxId: string): Promise<HandoffRow[]> {
    return this.#ofSandbox(sandboxId).orderBy('ordinal', 'desc').limit(RECENT).execute();
  }

  list(sandboxId: string, page: PageWanted): Promise<Page<HandoffRow>> {
    return newestFirst(this.#ofSandbox(sandboxId), page);
  }

  /** Open requests of all sandboxes of an organization. */
  listOpen(organizationId: string, page: PageWanted): Promise<Page<HandoffRow>> {
    const open = this.#db
      .selectFrom('handoffs')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('status', 'in', OPEN_HANDOFF);
    return newestFirst(open, page);
  }

  /** Sandboxes whose open request time has changed, or whose sandbox has ended. */
  async due(now: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('handoffs as h')
      .innerJoin('sandboxes as s', 's.id', 'h.sandbox_id')
      .select('h.sandbox_id')
      .where('h.status', 'in', OPEN_HANDOFF)
      .where((eb) =>
        eb.or([
          eb('s.status', 'in', ['ending', 'ended', 'failed']),
          // In a paused sandbox it stays as it is until the sandbox goes on.
          eb.and([
            eb('s.status', 'in', ['ready', 'active']),
            eb.or([
              eb.and([eb('h.status', '=', 'pending'), eb('h.expires_at', '<=', now)]),
              eb.and([eb('h.status', '=', 'accepted'), eb('h.lease_until', '<=', now)]),
            ]),
          ]),
        ]),
      )
      .execute();
    return rows.map((row) => row.sandbox_id);
  }

  /** Ids of the sandboxes with an open request. */
  async sandboxesWaiting(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('handoffs')
      .select('sandbox_id')
      .where('status', 'in', OPEN_HANDOFF)
      .execute();
    return rows.map((row) => row.sandbox_id);
  }

  /**
   * Records a request.
   * @returns the sandbox and the request; `open` instead when there is one already; undefined when the sandbox takes no work.
   */
  insert(
    sandboxId: string,
    wanted: NewHandoff,
    now: number,
  ): Promise<{ sandbox: SandboxRow; row: HandoffRow } | { open: HandoffRow } | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const sandbox = await this.#lock(tx, sandboxId);
      if (!sandbox || !takesWork(sandbox.status)) return undefined;
      const open = await this.#openIn(tx, sandboxId);
      if (open && settle(stateOf(open, sandbox), now).length === 0) return { open };
      if (open)
        await this.#change(tx, { sandbox, row: open, end: DEFAULT_END, now }, settleTo(open, sandbox, now));
      const still = open && (await this.#openIn(tx, sandboxId));
      if (still) return { open: still };
      return this.#insertIn(tx, sandbox, wanted, now);
    });
  }

  /**
   * Records what an agent asked for, in the transaction that takes over its box's journal. Where a request that no task
   * waits for is open, the task waits for that one, unless it asks for a form; behind any other it waits its turn. Where people may not drive the
   * browser it is cancelled at once.
   */
  async insertFromBox(
    tx: Tx,
    sandboxId: string,
    wanted: NewHandoff & { id: string },
    now: number,
  ): Promise<void> {
    const sandbox = await this.#lock(tx, sandboxId);
    if (!sandbox || !takesWork(sandbox.status)) return;
    const known = await tx.selectFrom('handoffs').select('id').where('id', '=', wanted.id).executeTakeFirst();
    if (known) return;
    const open = await this.#openIn(tx, sandboxId);
    if (open) return this.#insertBehind(tx, sandbox, { open, wanted, now });
    const { sandbox: held, row } = await this.#insertIn(tx, sandbox, wanted, now);
    const { browser } = normalizeCapabilities(sandbox.capabilities);
    if (browser.mode === 'none' || browser.humanInLoop) return;
    const note = 'People may not control the browser of this sandbox: it was created without humanInLoop.';
    const state: HandoffState = { ...stateOf(row, held), status: 'cancelled', note };
    await this.#change(tx, { sandbox: held, row, end: DEFAULT_END, now }, [state]);
  }

  /** What an agent or detector asked for while another request is open. */
  async #insertBehind(
    tx: Tx,
    sandbox: SandboxRow,
    { open, wanted, now }: { open: HandoffRow; wanted: NewHandoff & { id: string }; now: number },
  ): Promise<void> {
    // A detector holds nothing in its box, so there is nothing to release.
    if (wanted.requestedBy === 'worker') return;
    // One with a form of its own needs a request of its own.
    if (open.task_id === null && wanted.taskId !== null && wanted.fields === null) {
      const resume_prompt = open.resume_prompt ?? wanted.resumePrompt;
      const set = { task_id: wanted.taskId, resume_prompt };
      await tx.updateTable('handoffs').set(set).where('id', '=', open.id).execute();
    } else if (open.task_id !== wanted.taskId && (await enqueue(tx, sandbox.id, wanted, now))) return;
    await this.#insertClosed(tx, sandbox, { wanted, note: `Another request was open: ${open.id}.`, now });
  }

  /**
   * Changes the open request under the lock of the sandbox's row.
   * @param decide gets its state; answers the states it goes through, or throws.
   * @returns undefined when none is open, or not the one with `id`.
   */
  change(
    sandboxId: string,
    decide: (state: HandoffState, sandbox: SandboxRow) => HandoffState[],
    options: { id?: string | undefined; end?: HandoffEnd; now: number },
  ): Promise<{ sandbox: SandboxRow; row: HandoffRow } | undefined> {
    const { id, end = DEFAULT_END, now } = options;
    return this.#db.transaction().execute(async (tx) => {
      const sandbox = await this.#lock(tx, sandboxId);
      const row = await this.#openIn(tx, sandboxId);
      if (!sandbox || !row || (id !== undefined && row.id !== id)) return undefined;
      return this.#change(tx, { sandbox, row, end, now }, decide(stateOf(row, sandbox), sandbox));
    });
  }

  /** Ids of the working sandboxes in which a request waits for the one before it. */
  async sandboxesWithQueue(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('handoff_queue as q')
      .innerJoin('sandboxes as s', 's.id', 'q.sandbox_id')
      .select('q.sandbox_id')
      .distinct()
      .where('s.status', 'in', ['ready', 'active'])
      .execute();
    return rows.map((row) => row.sandbox_id);
  }

  /** Makes the next request that waits pending, once none is open and the agent has gone on after the last. */
  openNext(sandboxId: string, now: number): Promise<{ sandbox: SandboxRow; row: HandoffRow } | undefined> {
    return this.#db.transaction().execute(async (tx) => {
      const sandbox = await this.#lock(tx, sandboxId);
      if (!sandbox || !takesWork(sandbox.status) || (await this.#openIn(tx, sandboxId))) return undefined;
      if (await hasFollowUpAtWork(tx, sandboxId)) return undefined;
      const next = await dequeue(tx, sandboxId, now);
      if (!next) return undefined;
      if (next.taskId === null || (await waitsStill(tx, sandboxId, next.taskId)))
        return this.#insertIn(tx, sandbox, next, now);
      await this.#insertClosed(tx, sandbox, { wanted: next, note: TASK_ENDED, now });
      return undefined;
    });
  }

  /** Ends a parked task that is to be cancelled, and what it waits for. */
  cancelTask(sandboxId: string, taskId: string, now: number): Promise<void> {
    return this.#db.transaction().execute(async (tx) => {
      const sandbox = await this.#lock(tx, sandboxId);
      if (!sandbox) return;
      await this.#events.append(tx, sandboxId, await closeForTask(tx, sandboxId, taskId, now), now);
      for (const wanted of await dequeueOfTask(tx, sandboxId, taskId))
        await this.#insertClosed(tx, sandbox, { wanted, note: TASK_CANCELLED, now });
      const row = await this.#openIn(tx, sandboxId);
      if (!row || row.task_id !== taskId) return;
      const state: HandoffState = {
        ...stateOf(row, sandbox),
        status: 'cancelled',
        leaseUntil: null,
        note: TASK_CANCELLED,
      };
      await this.#change(tx, { sandbox, row, end: DEFAULT_END, now }, [state]);
    });
  }

  /** Keeps a request that was never open as closed, so that the box is told to hold nothing for it. */
  async #insertClosed(
    tx: Tx,
    sandbox: SandboxRow,
    { wanted, note, now }: { wanted: QueuedHandoff; note: string; now: number },
  ): Promise<void> {
    const values = valuesOf(sandbox, { ...wanted, taskId: null }, now);
    await tx
      .insertInto('handoffs')
      .values({ ...values, status: 'cancelled', note })
      .execute();
    await this.#tell(tx, sandbox.id, [], now);
  }

  async #insertIn(
    tx: Tx,
    sandbox: SandboxRow,
    wanted: NewHandoff,
    now: number,
  ): Promise<{ sandbox: SandboxRow; row: HandoffRow }> {
    const row = await tx
      .insertInto('handoffs')
      .values(valuesOf(sandbox, wanted, now))
      .returningAll()
      .executeTakeFirstOrThrow();
    const held = await this.#setControl(tx, sandbox, waitingControl(row), now);
    await this.#tell(tx, sandbox.id, [{ type: 'sandbox.handoff.requested', data: toHandoff(row) }], now);
    return { sandbox: held, row };
  }

  async #change(
    tx: Tx,
    {
      sandbox,
      row: before,
      end,
      now,
    }: { sandbox: SandboxRow; row: HandoffRow; end: HandoffEnd; now: number },
    states: HandoffState[],
  ): Promise<{ sandbox: SandboxRow; row: HandoffRow }> {
    let row = before;
    const events: NewEvent[] = [];
    for (const state of states) {
      const statusBefore = row.status;
      row = await this.#write(tx, row.id, state, now);
      if (!isOpen(row)) {
        const outcome = await followUp(tx, { sandbox, row, choice: end.followUp, now });
        if (outcome.taskId !== null) row = await this.#setFollowUp(tx, row.id, outcome.taskId);
        events.push(eventOf(row), ...outcome.events);
      } else if (row.status !== statusBefore) events.push(eventOf(row));
    }
    const last = states.at(-1);
    if (!last) return { sandbox, row };
    const changed = takesWork(sandbox.status)
      ? await this.#setControl(tx, sandbox, controlFor(row, end), now)
      : sandbox;
    await this.#tell(tx, sandbox.id, events, now);
    return { sandbox: changed, row };
  }

  #write(tx: Tx, id: string, state: HandoffState, now: number): Promise<HandoffRow> {
    return tx
      .updateTable('handoffs')
      .set({
        status: state.status,
        round: state.round,
        controller: state.controller,
        holder: state.holder,
        lease_until: state.leaseUntil,
        accepted_at: state.acceptedAt,
        completed_at: state.completedAt,
        note: state.note,
        filled_at: state.filledAt,
        updated_at: now,
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  #setFollowUp(tx: Tx, id: string, taskId: string): Promise<HandoffRow> {
    return tx
      .updateTable('handoffs')
      .set({ follow_up_task_id: taskId })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
  }

  async #setControl(tx: Tx, sandbox: SandboxRow, control: Control, now: number): Promise<SandboxRow> {
    if (normalizeCapabilities(sandbox.capabilities).browser.mode === 'none') return sandbox;
    if (!hasPairedBrowser(sandbox))
      return this.#control.setIn(tx, sandbox.id, control, { cause: 'handoff', now });
    const browser = await pairedBrowserOf(tx, sandbox.id);
    if (!browser) return sandbox;
    const held = await this.#control.setIn(tx, browser.id, control, { cause: 'handoff', now });
    return withControlOf(sandbox, held);
  }

  async #tell(tx: Tx, sandboxId: string, events: NewEvent[], now: number): Promise<void> {
    await this.#events.append(tx, sandboxId, events, now);
    // The link to the box hands over follow-ups, and holds or releases what waits.
    await sql`select pg_notify(${TASKS_CHANNEL}, ${sandboxId})`.execute(tx);
  }

  #lock(tx: Tx, sandboxId: string): Promise<SandboxRow | undefined> {
    return lockSandbox(tx, sandboxId);
  }

  #openIn(tx: Tx, sandboxId: string): Promise<HandoffRow | undefined> {
    return tx
      .selectFrom('handoffs')
      .selectAll()
      .where('sandbox_id', '=', sandboxId)
      .where('status', 'in', OPEN_HANDOFF)
      .executeTakeFirst();
  }

  #ofSandbox(sandboxId: string) {
    return this.#db.selectFrom('handoffs').selectAll().where('sandbox_id', '=', sandboxId);
  }
}

async function newestFirst(
  query: SelectQueryBuilder<Tables, 'handoffs', HandoffRow>,
  { limit, cursor }: PageWanted,
): Promise<Page<HandoffRow>> {
  let wanted = query.orderBy('ordinal', 'desc').limit(limit + 1);
  if (cursor !== undefined) wanted = wanted.where('ordinal', '<', decodeCursor(cursor, 'number')[0]);
  return toPage(await wanted.execute(), limit, byOrdinal);
}

function settleTo(row: HandoffRow, sandbox: SandboxRow, now: number): HandoffState[] {
  return settle(stateOf(row, sandbox), now);
}

function stateOf(row: HandoffRow, sandbox: SandboxRow): HandoffState {
  // A lease that was renewed where control is set counts, too.
  const same = sandbox.control_mode === 'human' && sandbox.control_controller === row.controller;
  const controlled = row.status === 'accepted' && same ? (sandbox.control_lease_until ?? 0) : 0;
  return {
    status: row.status,
    round: row.round,
    controller: row.controller,
    holder: row.holder,
    leaseUntil: row.lease_until === null ? null : Math.max(row.lease_until, controlled),
    expiresAt: row.expires_at,
    acceptedAt: row.accepted_at,
    completedAt: row.completed_at,
    note: row.note,
    filledAt: row.filled_at,
  };
}

function valuesOf(sandbox: SandboxRow, wanted: NewHandoff, now: number) {
  return {
    id: wanted.id ?? newId(),
    organization_id: sandbox.organization_id,
    sandbox_id: sandbox.id,
    status: 'pending' as const,
    round: 1,
    reason: wanted.reason,
    message: wanted.message,
    requested_by: wanted.requestedBy,
    resume_prompt: wanted.resumePrompt,
    fields: wanted.fields && storableJson(wanted.fields),
    deliver: wanted.deliver,
    detected: wanted.detected && storableJson(wanted.detected),
    task_id: wanted.taskId,
    requested_at: now,
    expires_at: wanted.expiresAt,
    updated_at: now,
  };
}

/** Nobody drives while a person is waited for: automation is held, and viewers watch. */
function waitingControl({ id, expires_at }: HandoffRow): Control {
  return { mode: 'human', controller: null, holder: `handoff:${id}`, leaseUntil: expires_at };
}

function controlFor(row: HandoffRow, { returnControlTo }: HandoffEnd): Control {
  if (row.status === 'pending') return waitingControl(row);
  if (row.status !== 'accepted') {
    if (returnControlTo === 'ai' || row.status !== 'completed') return NO_CONTROL;
    return { mode: 'shared', controller: null, holder: null, leaseUntil: null };
  }
  const holder = row.holder === null ? null : `person:${row.controller}`;
  return { mode: 'human', controller: row.controller, holder, leaseUntil: row.lease_until };
}

function eventOf(row: HandoffRow): NewEvent {
  const status = row.status === 'pending' ? 'requested' : row.status;
  return { type: `sandbox.handoff.${status}`, data: toHandoff(row) };
}

import { ApiError, normalizeCapabilities } from '@banata/protocol';
import {
  boxEventSchema,
  boxHoldReplySchema,
  boxReplaySchema,
  boxTaskSchema,
  type BoxEvent,
  type BoxTaskRequest,
} from '@banata/protocol/box';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { BoxRefusal } from '../boxes/box-client.ts';
import type { Boxes } from '../boxes/boxes.ts';
import { Waker, type Notifications } from '../database/notifications.ts';
import type { HandoffRow, TaskRow } from '../database/tables/agent.ts';
import type { SandboxRow } from '../database/tables/sandboxes.ts';
import type { Logger } from '../logger.ts';
import { isOpen } from '../services/handoff/handoff.ts';
import type { HandoffStore } from '../stores/handoff-store.ts';
import type { Secrets } from '../services/secrets.ts';
import type { SandboxStore } from '../stores/sandbox-store.ts';
import { TASKS_CHANNEL, type TaskStore } from '../stores/task-store.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { BoxEventApplier } from './box-event-applier.ts';

/** The box sends a heartbeat every 10 s; a stream that is silent longer than this is dead. */
const STREAM_SILENCE_MS = 30_000;
const CALL_TIMEOUT_MS = 15_000;
const BACKOFF_MS = { first: 100, most: 5_000 };
/** Open tasks are looked at this often, should a notification be lost. */
const TASK_POLL_MS = 5_000;
/** A task whose end is this old and did not come by the journal is taken over by asking. */
const CATCH_UP_AFTER_MS = 10_000;
const MAX_BATCH = 200;
/** Longer than the longest entry of a box's journal: one that is not taken would hold up all after it. */
const MAX_EVENT_CHARS = 5 * 1024 * 1024;
/** What a connection brings before another takes its place: it bounds what waits for the database. */
const MAX_READ_CHARS = 32 * 1024 * 1024;

export interface BoxLinkDeps {
  store: SandboxStore;
  tasks: TaskStore;
  boxes: Boxes;
  applier: BoxEventApplier;
  handoffs: HandoffStore;
  notifications: Notifications;
  secrets: Secrets;
  tracing: Tracing;
  logger: Logger;
}

/**
 * Speaks for one sandbox: hands its tasks to the box and takes over the box's journal. Runs on the one server that
 * holds the sandbox's lease, until its signal aborts.
 */
export class BoxLink {
  readonly #deps: BoxLinkDeps;
  readonly #sandboxId: string;
  readonly #signal: AbortSignal;

  constructor(deps: BoxLinkDeps, sandboxId: string, signal: AbortSignal) {
    this.#deps = deps;
    this.#sandboxId = sandboxId;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    await Promise.all([this.#repeat('follow', () => this.#follow()), this.#dispatch()]);
  }

  /** Runs `work` again whenever it ends or fails, with growing pauses after failures. */
  async #repeat(name: string, work: () => Promise<void>): Promise<void> {
    let pause = BACKOFF_MS.first;
    while (!this.#signal.aborted) {
      try {
        await work();
        pause = BACKOFF_MS.first;
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#deps.logger.debug(
          { event: 'link.retry', name, sandboxId: this.#sandboxId, err: error },
          'link to box failed',
        );
        pause = Math.min(pause * 2, BACKOFF_MS.most);
      }
      await sleep(pause, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  async #follow(): Promise<void> {
    const sandbox = await this.#sandbox();
    try {
      await this.#followAfter(sandbox, String(sandbox.box_cursor));
    } catch (error) {
      const code =
        error instanceof ApiError && error.cause instanceof BoxRefusal ? error.cause.code : undefined;
      if (code !== 'CURSOR_TOO_OLD' && code !== 'CURSOR_AHEAD') throw error;
      this.#deps.logger.warn(
        { event: 'link.gap', sandboxId: sandbox.id, code },
        'the journal does not reach the cursor',
      );
      if (code === 'CURSOR_AHEAD')
        await this.#deps.store.update(sandbox.id, { box_cursor: 0 }, [], Date.now());
      await this.#followAfter(await this.#sandbox(), 'oldest');
    }
  }

  async #followAfter(sandbox: SandboxRow, after: string): Promise<void> {
    const reply = await this.#deps.boxes.stream(sandbox, {
      method: 'GET',
      path: '/events',
      query: { after },
      headers: { accept: 'text/event-stream' },
      timeoutMs: STREAM_SILENCE_MS,
      signal: this.#signal,
    });
    const stream = Readable.toWeb(reply.body)
      .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
      .pipeThrough(new EventSourceParserStream({ maxBufferSize: MAX_EVENT_CHARS }));
    await this.#take(sandbox, stream.getReader());
  }

  /** Applies entries in batches: all that came while the batch before was being written. */
  async #take(sandbox: SandboxRow, reader: ReadableStreamDefaultReader<{ data: string }>): Promise<void> {
    const pending: BoxEvent[] = [];
    let ended = false;
    let failure: unknown;
    const waker = new Waker();
    let readChars = 0;
    const reading = (async () => {
      while (pending.length < MAX_BATCH * 10 && readChars < MAX_READ_CHARS) {
        const { done, value } = await reader.read();
        if (done) return;
        readChars += value.data.length;
        const entry = boxEventSchema.safeParse(JSON.parse(value.data));
        // One entry of another version, or forged inside the box, must not stop what comes after it.
        if (entry.success) pending.push(entry.data);
        else
          this.#deps.logger.warn(
            { event: 'link.bad_entry', sandboxId: sandbox.id, err: entry.error },
            'journal entry skipped',
          );
        waker.wake();
      }
      // Too far ahead of the database: the journal keeps the rest, the next connection goes on from the cursor.
      await reader.cancel();
    })()
      .catch((error: unknown) => {
        failure = error;
      })
      .finally(() => {
        ended = true;
        waker.wake();
      });
    while (!this.#signal.aborted && (!ended || pending.length > 0)) {
      if (pending.length === 0) await waker.wait(STREAM_SILENCE_MS, this.#signal);
      else await this.#deps.applier.apply(sandbox, pending.splice(0, MAX_BATCH));
    }
    await reading;
    if (failure !== undefined) throw failure;
  }

  /** Hands open tasks to the box: now, and whenever one was added or is to be cancelled. */
  async #dispatch(): Promise<void> {
    const waker = new Waker();
    const unsubscribe = this.#deps.notifications.subscribe(TASKS_CHANNEL, this.#sandboxId, waker.wake);
    const handedOver = new Set<string>();
    const held = new Map<string, boolean>();
    try {
      await this.#repeat('dispatch', async () => {
        while (!this.#signal.aborted) {
          const handoffs = await this.#deps.handoffs.recent(this.#sandboxId);
          await this.#tellHolds(handoffs.filter(isOpen), held);
          for (const task of await this.#deps.tasks.listOpen(this.#sandboxId))
            await this.#handOver(task, handedOver);
          // Only now, so that the agent goes on where it stopped before it begins what waited.
          await this.#tellHolds(
            handoffs.filter((handoff) => !isOpen(handoff)),
            held,
          );
          await waker.wait(TASK_POLL_MS, this.#signal);
        }
      });
    } finally {
      unsubscribe();
    }
  }

  /** Has the box hold tasks that wait while a person is asked for, and release them afterwards. */
  async #tellHolds(handoffs: HandoffRow[], told: Map<string, boolean>): Promise<void> {
    const due = handoffs.filter((handoff) => told.get(handoff.id) !== isOpen(handoff));
    if (due.length === 0) return;
    const sandbox = await this.#sandbox();
    if (!normalizeCapabilities(sandbox.capabilities).agent.enabled) return;
    for (const handoff of due) {
      await this.#deps.boxes.json(sandbox, boxHoldReplySchema, {
        method: 'PUT',
        path: `/agent/holds/${handoff.id}`,
        json: { held: isOpen(handoff) },
        timeoutMs: CALL_TIMEOUT_MS,
        signal: this.#signal,
      });
      told.set(handoff.id, isOpen(handoff));
    }
  }

  async #handOver(task: TaskRow, handedOver: Set<string>): Promise<void> {
    if (task.status === 'waiting_for_human') {
      if (task.cancel_requested) await this.#deps.handoffs.cancelTask(this.#sandboxId, task.id, Date.now());
      return;
    }
    const sandbox = await this.#sandbox();
    if (handedOver.has(task.id)) await this.#catchUp(sandbox, task);
    else {
      const request = {
        name: 'agent.task.hand_over',
        parent: task.traceparent ?? undefined,
        attributes: { 'banata.task.id': task.id, 'banata.sandbox.id': sandbox.id },
      };
      const answer = await this.#deps.tracing.run(request, () =>
        this.#deps.boxes.json(sandbox, boxTaskSchema, {
          method: 'PUT',
          path: `/agent/tasks/${task.id}`,
          json: toBoxRequest(task, this.#deps.secrets),
          timeoutMs: CALL_TIMEOUT_MS,
          signal: this.#signal,
        }),
      );
      handedOver.add(task.id);
      await this.#deps.applier.applyTask(sandbox.id, answer);
    }
    if (task.cancel_requested) {
      const answer = await this.#deps.boxes.json(sandbox, boxTaskSchema, {
        method: 'POST',
        path: `/agent/tasks/${task.id}/cancel`,
        json: task.stop_error === null ? {} : { error: task.stop_error },
        timeoutMs: CALL_TIMEOUT_MS,
        signal: this.#signal,
      });
      await this.#deps.applier.applyTask(sandbox.id, answer);
    }
  }

  /** Takes over the end of a task that the journal should have told long ago. */
  async #catchUp(sandbox: SandboxRow, task: TaskRow): Promise<void> {
    const answer = await this.#deps.boxes.json(sandbox, boxTaskSchema, {
      method: 'GET',
      path: `/agent/tasks/${task.id}`,
      timeoutMs: CALL_TIMEOUT_MS,
      signal: this.#signal,
    });
    if (answer.finishedAt !== null && Date.now() - answer.finishedAt > CATCH_UP_AFTER_MS) {
      await this.#deps.applier.applyTask(sandbox.id, answer);
    }
  }

  async #sandbox(): Promise<SandboxRow> {
    const row = await this.#deps.store.find(this.#sandboxId);
    if (!row) throw new Error('the sandbox has no row');
    return row;
  }
}

function toBoxRequest(task: TaskRow, secrets: Secrets): BoxTaskRequest {
  const sealed = task.replay_sealed;
  return {
    prompt: task.prompt,
    sessionId: task.session_id,
    agent: task.agent,
    system: task.system,
    timeoutMs: task.timeout_ms,
    noReply: task.no_reply,
    model: task.model,
    files: task.files,
    responseSchema: task.response_schema,
    whileHeld: whileHeld(task),
    budget: boxBudget(task.budget),
    replay: sealed && boxReplaySchema.parse(JSON.parse(secrets.open(sealed, task.id))),
  };
}

/** What the agent itself can tell; the rest is held at the model gateway. */
function boxBudget(budget: TaskRow['budget']): BoxTaskRequest['budget'] {
  if (budget === null) return null;
  const { costUsd: _costUsd, ...counted } = budget;
  return counted;
}

function whileHeld(task: TaskRow): BoxTaskRequest['whileHeld'] {
  if (task.handoff_id !== null) return 'first';
  return task.during_handoff ? 'pass' : 'wait';
}

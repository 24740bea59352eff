import {
  ApiError,
  DEFAULT_HANDOFF_EXPIRY_MS,
  normalizeCapabilities,
  type contract,
  type Handoff,
  type RouteBody,
  type RouteResult,
} from '@banata/protocol';
import { boxHoldReplySchema } from '@banata/protocol/box';
import type { Boxes } from '../../boxes/boxes.ts';
import type { HandoffRow } from '../../database/tables/agent.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import { controlOf } from '../../stores/control-store.ts';
import { hasPairedBrowser } from '../../stores/browser-of-sandbox.ts';
import type { HandoffEnd, HandoffStore } from '../../stores/handoff-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { storableText } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import type { ActivityService } from '../activity.ts';
import { controlAt } from '../control/control.ts';
import type { ControlService } from '../control/control-service.ts';
import type { Links } from '../links.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';
import { takesWork } from '../sandboxes/status.ts';
import type { LinkClaims } from '../secrets.ts';
import { isOpen, step, type HandoffAct, type HandoffState } from './handoff.ts';
import { toHandoff } from './handoff-view.ts';
import { deliverSecrets, entriesOf, fieldsFor } from './secret-fields.ts';

const HOLD_TIMEOUT_MS = 5_000;

type Routes = (typeof contract)['handoff'];
type Reply = RouteResult<Routes['request']>;
type View = RouteResult<Routes['view']>;

interface Changed {
  sandbox: SandboxRow;
  row: HandoffRow;
}

export interface HandoffServiceDeps {
  sandboxes: SandboxService;
  store: SandboxStore;
  handoffs: HandoffStore;
  controlService: ControlService;
  boxes: Boxes;
  links: Links;
  activity: ActivityService;
  logger: Logger;
  now: () => number;
}

/** The moment a person takes over: requests, who accepted, and how they end. */
export class HandoffService {
  readonly #deps: HandoffServiceDeps;

  constructor(deps: HandoffServiceDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} HANDOFF_OPEN, HUMAN_IN_LOOP_DISABLED. */
  async request(caller: Caller, input: RouteBody<Routes['request']>): Promise<Reply> {
    const sandbox = await this.#deps.sandboxes.findWorking(caller, input.id);
    const { browser } = normalizeCapabilities(sandbox.capabilities);
    if (browser.mode !== 'none' && !browser.humanInLoop) throw new ApiError('HUMAN_IN_LOOP_DISABLED');
    const now = this.#deps.now();
    const { reason, message, requestedBy, resumePrompt, expiresInMs = DEFAULT_HANDOFF_EXPIRY_MS } = input;
    const made = await this.#deps.handoffs.insert(
      sandbox.id,
      {
        reason,
        message: storableText(message),
        requestedBy: requestedBy === 'opencode' ? 'agent' : requestedBy,
        resumePrompt: resumePrompt === undefined ? null : storableText(resumePrompt),
        ...fieldsFor(sandbox, input, 'type'),
        detected: null,
        expiresAt: now + expiresInMs,
        taskId: null,
      },
      now,
    );
    if (!made) throw new ApiError('SANDBOX_NOT_READY');
    if ('open' in made) {
      throw new ApiError('HANDOFF_OPEN', undefined, { details: { handoff: toHandoff(made.open) } });
    }
    await this.enforce(made);
    return this.#reply(made);
  }

  /** @throws {ApiError} HANDOFF_NOT_FOUND, HANDOFF_TAKEN. */
  async accept(caller: Caller, input: RouteBody<Routes['accept']>): Promise<Reply> {
    const { controller, leaseMs } = input;
    return this.#act(caller, input.id, {
      kind: 'accept',
      controller: storableText(controller),
      holder: null,
      leaseMs,
    });
  }

  /** @throws {ApiError} HANDOFF_NOT_FOUND, HANDOFF_TAKEN, HANDOFF_NOT_ACCEPTED. */
  async renew(caller: Caller, input: RouteBody<Routes['renew']>): Promise<Reply> {
    const { controller, leaseMs } = input;
    return this.#act(caller, input.id, { kind: 'renew', person: { controller }, leaseMs });
  }

  /** @throws {ApiError} HANDOFF_NOT_FOUND, HANDOFF_TAKEN, HANDOFF_NOT_ACCEPTED. */
  async complete(caller: Caller, input: RouteBody<Routes['complete']>): Promise<Reply> {
    const { controller, note, returnControlTo, runResumePrompt } = input;
    const person = controller === undefined ? null : { controller };
    const act: HandoffAct = { kind: 'complete', person, note: noteOf(note) };
    return this.#act(caller, input.id, act, {
      returnControlTo,
      followUp: runResumePrompt === false ? 'no' : 'default',
    });
  }

  /** Delivers what a person entered and completes the request. @throws {ApiError} as {@link HandoffService.fillByLink}. */
  async fill(caller: Caller, input: RouteBody<Routes['fill']>): Promise<Reply> {
    const { controller, values, note } = input;
    const sandbox = await this.#deps.sandboxes.findWorking(caller, input.id);
    const row = await this.#deps.handoffs.findOpen(sandbox.id);
    if (!row) throw new ApiError('HANDOFF_NOT_FOUND');
    const who = { controller: storableText(controller), holder: null };
    return this.#reply(await this.#fill({ sandbox, row }, who, { values, note: noteOf(note) }));
  }

  /** @throws {ApiError} HANDOFF_NOT_FOUND. */
  async cancel(caller: Caller, input: RouteBody<Routes['cancel']>): Promise<Reply> {
    return this.#act(caller, input.id, { kind: 'cancel', note: noteOf(input.note) });
  }

  async get(caller: Caller, id: string): Promise<RouteResult<Routes['get']>> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const row = await this.#deps.handoffs.newest(sandbox.id);
    const handoff = row ? toHandoff(row) : null;
    const browser = row
      ? await this.#browser({ sandbox, row }, false)
      : { preview: null, pairedBrowser: null };
    return { ok: true, humanHandoff: handoff, handoff, ...browser };
  }

  async history(
    caller: Caller,
    id: string,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<{ data: Handoff[]; nextCursor: string | null }> {
    const sandbox = await this.#deps.sandboxes.find(caller, id);
    const { rows, nextCursor } = await this.#deps.handoffs.list(sandbox.id, page);
    return { data: rows.map(toHandoff), nextCursor };
  }

  /** Open requests of all sandboxes of the caller's organization. */
  async open(
    caller: Caller,
    page: { limit: number; cursor?: string | undefined },
  ): Promise<RouteResult<Routes['open']>> {
    const { rows, nextCursor } = await this.#deps.handoffs.listOpen(caller.organizationId, page);
    return { data: rows.map((row) => ({ ...toHandoff(row), sandboxId: row.sandbox_id })), nextCursor };
  }

  /** The open request of a sandbox, as previews show it. */
  async openOf(sandboxId: string): Promise<Handoff | null> {
    const row = await this.#deps.handoffs.findOpen(sandboxId);
    return row ? toHandoff(row) : null;
  }

  /** @throws {ApiError} HANDOFF_NOT_FOUND. */
  async viewByLink(found: { row: SandboxRow; claims: LinkClaims }, viewer: string | null): Promise<View> {
    return this.#view({ sandbox: found.row, row: await this.#linked(found) }, viewer);
  }

  /** One act of the bearer of a request's link. @throws {ApiError} as the act of {@link step}. */
  async actByLink(
    found: { row: SandboxRow; claims: LinkClaims },
    viewer: string,
    act: HandoffAct,
  ): Promise<View> {
    const row = await this.#linked(found);
    const changed = await this.#change(found.row.id, act, { id: row.id });
    return this.#view(changed, viewer);
  }

  /**
   * Delivers what the bearer of a request's link entered and completes the request; accepts it before where nobody has.
   * Where the delivery fails the request stays accepted.
   * @throws {ApiError} HANDOFF_NOT_FOUND, HANDOFF_TAKEN, HANDOFF_FIELDS_INVALID, FIELD_NOT_FOUND.
   */
  async fillByLink(
    found: { row: SandboxRow; claims: LinkClaims },
    who: { controller: string; holder: string },
    given: { values: unknown; note: string | null },
  ): Promise<View> {
    const row = await this.#linked(found);
    return this.#view(await this.#fill({ sandbox: found.row, row }, who, given), who.holder);
  }

  async #fill(
    { sandbox, row: { id } }: Changed,
    { controller, holder }: { controller: string; holder: string | null },
    { values, note }: { values: unknown; note: string | null },
  ): Promise<Changed> {
    const person = holder === null ? { controller } : { holder };
    const row = await this.#deps.handoffs.find(sandbox.id, id);
    if (!row) throw new ApiError('HANDOFF_NOT_FOUND');
    const entries = entriesOf(row, values);
    const take: HandoffAct =
      row.status === 'accepted'
        ? { kind: 'renew', person, leaseMs: undefined }
        : { kind: 'accept', controller, holder, leaseMs: undefined };
    const taken = await this.#change(sandbox.id, take, { id });
    await deliverSecrets(this.#deps.boxes, taken.sandbox, { row: taken.row, entries });
    return this.#change(sandbox.id, { kind: 'complete', person, note, filled: true }, { id });
  }

  /** One round: leases and deadlines that are over, and requests whose sandbox has ended. */
  async tick(): Promise<void> {
    const { handoffs, activity, now } = this.#deps;
    for (const sandboxId of await handoffs.due(now())) {
      const at = now();
      const changed = await handoffs.change(
        sandboxId,
        (state, sandbox) =>
          takesWork(sandbox.status) ? step(state, { kind: 'time' }, at) : closed(state, sandbox),
        { now: at },
      );
      if (changed && takesWork(changed.sandbox.status)) await this.enforce(changed);
    }
    for (const sandboxId of await handoffs.sandboxesWithQueue()) {
      const opened = await handoffs.openNext(sandboxId, now());
      if (opened) await this.enforce(opened);
    }
    // Who waits for a person is at work, however quiet it is.
    for (const sandboxId of await handoffs.sandboxesWaiting()) activity.touch(sandboxId);
  }

  /** Tells the box of a sandbox what a change means for it; what it does not hear now, jobs tell it again. */
  async enforce({ sandbox, row }: Changed): Promise<void> {
    const browser = await this.#browserOf(sandbox);
    const told = browser && this.#deps.controlService.announce(browser);
    await Promise.all([told, this.#hold(sandbox, row)]);
  }

  /** After a box has asked for a person. */
  async enforceOpen(sandboxId: string): Promise<void> {
    const [sandbox, row] = await Promise.all([
      this.#deps.store.find(sandboxId),
      this.#deps.handoffs.newest(sandboxId),
    ]);
    const browser = sandbox && row && (await this.#browserOf(sandbox));
    if (browser) await this.#deps.controlService.announce(browser);
  }

  async #hold(sandbox: SandboxRow, row: HandoffRow): Promise<void> {
    // Released by the link, once the follow-up is there and goes first.
    if (!isOpen(row) || !normalizeCapabilities(sandbox.capabilities).agent.enabled) return;
    try {
      await this.#deps.boxes.json(sandbox, boxHoldReplySchema, {
        method: 'PUT',
        path: `/agent/holds/${row.id}`,
        json: { held: true },
        timeoutMs: HOLD_TIMEOUT_MS,
      });
    } catch (error) {
      this.#deps.logger.debug({ event: 'handoff.hold', sandboxId: sandbox.id, err: error }, 'box not held');
    }
  }

  async #act(caller: Caller, id: string, act: HandoffAct, end?: HandoffEnd): Promise<Reply> {
    const sandbox = await this.#deps.sandboxes.findWorking(caller, id);
    return this.#reply(await this.#change(sandbox.id, act, end && { end }));
  }

  async #change(
    sandboxId: string,
    act: HandoffAct,
    options: { id?: string; end?: HandoffEnd } = {},
  ): Promise<Changed> {
    const now = this.#deps.now();
    const changed = await this.#deps.handoffs.change(sandboxId, (state) => step(state, act, now), {
      ...options,
      now,
    });
    if (!changed) throw new ApiError('HANDOFF_NOT_FOUND');
    this.#deps.activity.touch(sandboxId);
    await this.enforce(changed);
    return changed;
  }

  async #linked({ row, claims }: { row: SandboxRow; claims: LinkClaims }): Promise<HandoffRow> {
    const found = claims.key === undefined ? undefined : await this.#deps.handoffs.find(row.id, claims.key);
    if (!found) throw new ApiError('HANDOFF_NOT_FOUND');
    return found;
  }

  async #reply(changed: Changed): Promise<Reply> {
    const { row, sandbox } = changed;
    const viewerUrl = isOpen(row) ? this.#deps.links.forHandoff(sandbox, row) : null;
    return { ok: true, handoff: toHandoff(row), ...(await this.#browser(changed, true)), viewerUrl };
  }

  /** The row of the box that runs the browser of a sandbox: its own, or the one paired with it. */
  async #browserOf(sandbox: SandboxRow): Promise<SandboxRow | undefined> {
    if (!hasPairedBrowser(sandbox)) return sandbox;
    const paired = await this.#deps.store.findPaired(sandbox.id);
    return paired && takesWork(paired.status) ? paired : undefined;
  }

  async #browser(
    { sandbox, row }: Changed,
    withUrl: boolean,
  ): Promise<Pick<Reply, 'preview' | 'pairedBrowser'>> {
    const browser = await this.#browserOf(sandbox);
    if (!browser || normalizeCapabilities(sandbox.capabilities).browser.mode === 'none')
      return { preview: null, pairedBrowser: null };
    const { mode, controller } = controlAt(controlOf(browser), this.#deps.now());
    const control = { controlMode: mode, ...(controller === null ? {} : { controller }) };
    const updatedAt = row.updated_at;
    const working = takesWork(sandbox.status);
    const { viewerUrl } = this.#deps.links.forBrowser(browser, {
      controller: row.status === 'accepted' ? (row.controller ?? undefined) : undefined,
    });
    const previewUrl = withUrl && working && viewerUrl !== null ? { previewUrl: viewerUrl } : {};
    return {
      preview: { status: working ? 'ready' : 'ended', ...control, updatedAt },
      pairedBrowser: { ...previewUrl, ...control, handoffRequestedAt: row.requested_at, updatedAt },
    };
  }

  async #view({ sandbox, row }: Changed, viewer: string | null): Promise<View> {
    const { resumePrompt: _, taskId: __, followUpTaskId: ___, ...handoff } = toHandoff(row);
    const hasBrowser = normalizeCapabilities(sandbox.capabilities).browser.mode !== 'none';
    const mine = row.status === 'accepted' && viewer !== null && viewer === row.holder;
    const browser = hasBrowser && isOpen(row) ? await this.#browserOf(sandbox) : undefined;
    const shows = browser && takesWork(sandbox.status);
    return {
      handoff,
      sandboxStatus: sandbox.status,
      hasBrowser,
      mine,
      screenToken: shows ? this.#deps.links.forScreen(browser, mine ? row.controller : null) : null,
      now: this.#deps.now(),
    };
  }
}

function closed(state: HandoffState, sandbox: SandboxRow): HandoffState[] {
  const note = `The sandbox is ${sandbox.status}.`;
  return [{ ...state, status: 'cancelled', leaseUntil: null, note }];
}

function noteOf(note: string | undefined): string | null {
  return note === undefined || note === '' ? null : storableText(note);
}

import {
  ApiError,
  normalizeCapabilities,
  type linkControlReplySchema,
  type linkControlSchema,
  type previewControlReplySchema,
  type previewControlSchema,
} from '@banata/protocol';
import { boxControlSchema } from '@banata/protocol/box';
import type { z } from 'zod';
import type { Boxes } from '../../boxes/boxes.ts';
import type { SandboxRow } from '../../database/tables/sandboxes.ts';
import type { Logger } from '../../logger.ts';
import { controlOf, isApplied, type ControlStore } from '../../stores/control-store.ts';
import type { HandoffStore } from '../../stores/handoff-store.ts';
import type { SandboxStore } from '../../stores/sandbox-store.ts';
import { storableText } from '../../stores/text.ts';
import type { Caller } from '../access.ts';
import { handoffByControl } from '../handoff/by-control.ts';
import { isOpen } from '../handoff/handoff.ts';
import type { Links } from '../links.ts';
import type { SandboxService } from '../sandboxes/sandbox-service.ts';
import { takesWork } from '../sandboxes/status.ts';
import type { LinkClaims } from '../secrets.ts';
import { controlAt, maySteer, stepControl, type Control, type ControlRequest } from './control.ts';

const TELL_TIMEOUT_MS = 5_000;
/** A box in which a person has control is told again this often, should it have been set back to an older state. */
const REPEAT_MS = 5_000;

export interface ControlServiceDeps {
  sandboxes: SandboxService;
  store: SandboxStore;
  control: ControlStore;
  handoffs: Pick<HandoffStore, 'change'>;
  boxes: Boxes;
  links: Links;
  /** Called after a change, for what is open on the browser at this server; others hear of it by the database. */
  onChange: (sandboxId: string) => Promise<void>;
  logger: Logger;
  now: () => number;
}

/** Who may drive the browser of a sandbox: decided here, kept in the row, held to by box and gateway. */
export class ControlService {
  readonly #deps: ControlServiceDeps;
  readonly #toldAt = new Map<string, number>();

  constructor(deps: ControlServiceDeps) {
    this.#deps = deps;
  }

  /** @throws {ApiError} CONTROL_HELD, HUMAN_IN_LOOP_DISABLED, BROWSER_NOT_ENABLED. */
  async setByApi(
    caller: Caller,
    input: z.output<typeof previewControlSchema>,
  ): Promise<z.input<typeof previewControlReplySchema>> {
    const { sandboxes, links } = this.#deps;
    const sandbox = await sandboxes.findBrowser(caller, input.id);
    const { mode, controller, leaseMs, force } = input;
    const row = await this.#change(sandbox, {
      mode,
      controller: controller === undefined ? null : storableText(controller),
      leaseMs: leaseMs ?? null,
      actor: { kind: 'api', force: force ?? false },
    });
    const applied = await this.tell(row);
    await this.#deps.onChange(row.id);
    const { viewerUrl, wsUrl, expiresAt } = links.forBrowser(row, { controller });
    return { ok: true, ...controlView(controlOf(row)), applied, viewerUrl, wsUrl, expiresAt };
  }

  /** @throws {ApiError} CONTROL_HELD, HUMAN_IN_LOOP_DISABLED, VIEW_ONLY_LINK. */
  async setByLink(
    { row: sandbox, claims }: { row: SandboxRow; claims: LinkClaims },
    input: z.output<typeof linkControlSchema>,
  ): Promise<z.input<typeof linkControlReplySchema>> {
    if (claims.purpose !== 'drive') {
      throw new ApiError(humanInLoop(sandbox) ? 'VIEW_ONLY_LINK' : 'HUMAN_IN_LOOP_DISABLED');
    }
    const viewer = { controller: claims.key ?? null, viewer: input.viewer };
    const row = await this.#change(sandbox, {
      mode: input.mode,
      controller: input.controller === undefined ? null : storableText(input.controller),
      leaseMs: input.leaseMs ?? null,
      actor: { kind: 'link', ...viewer },
    });
    await this.tell(row);
    await this.#deps.onChange(row.id);
    const control = controlOf(row);
    return {
      ok: true,
      ...controlView(control),
      inControl: maySteer(control, viewer, this.#deps.now()),
    };
  }

  /** @throws {ApiError} BROWSER_NOT_ENABLED. */
  async revokeLinks(caller: Caller, id: string): Promise<{ ok: true }> {
    const row = await this.#deps.sandboxes.findBrowser(caller, id);
    if (normalizeCapabilities(row.capabilities).browser.mode === 'none')
      throw new ApiError('BROWSER_NOT_ENABLED');
    await this.#deps.control.revokeLinks(row.id, this.#deps.now());
    await this.#deps.onChange(row.id);
    return { ok: true };
  }

  /** One round: leases that are over end, and boxes that do not know the present control are told. */
  async tick(): Promise<void> {
    const { control, now } = this.#deps;
    await control.endLeases(now());
    const rows = await control.listToTell();
    const ids = new Set(rows.map(({ id }) => id));
    for (const id of this.#toldAt.keys()) if (!ids.has(id)) this.#toldAt.delete(id);
    const due = rows.filter((row) => !isApplied(row) || now() - (this.#toldAt.get(row.id) ?? 0) >= REPEAT_MS);
    await Promise.all(due.map((row) => this.tell(row)));
  }

  /** Lets a lease fall that is over, without waiting for the next round. @returns the row as it is then. */
  async settle(row: SandboxRow): Promise<SandboxRow> {
    const { control, store, now } = this.#deps;
    if (controlAt(controlOf(row), now()).mode === row.control_mode) return row;
    await control.endLeases(now());
    const present = (await store.find(row.id)) ?? row;
    await this.tell(present);
    return present;
  }

  /** After control was changed elsewhere: tells the box, and what is open on the browser. */
  async announce(row: SandboxRow): Promise<boolean> {
    if (normalizeCapabilities(row.capabilities).browser.mode === 'none') return true;
    const applied = await this.tell(row);
    await this.#deps.onChange(row.id);
    return applied;
  }

  /** Tells a box who is in control. @returns whether it holds to that now; it is told again where not. */
  async tell(row: SandboxRow): Promise<boolean> {
    const { boxes, control, store, logger, now } = this.#deps;
    const { id, control_mode: mode, control_controller: controller, control_epoch: epoch } = row;
    try {
      const answer = await boxes.json(row, boxControlSchema, {
        method: 'PUT',
        path: '/browser/control',
        json: { epoch, mode, controller },
        timeoutMs: TELL_TIMEOUT_MS,
      });
      if (answer.epoch > epoch) {
        const present = await store.find(id);
        if (present && answer.epoch > present.control_epoch) await control.skipTo(id, answer.epoch + 1);
        return false;
      }
      if (answer.epoch !== epoch || answer.mode !== mode) return false;
      this.#toldAt.set(id, now());
      if (!isApplied(row)) await control.markApplied(row, epoch);
      return true;
    } catch (error) {
      logger.debug({ event: 'control.tell_failed', sandboxId: id, err: error }, 'box not told of control');
      return false;
    }
  }

  async #change(sandbox: SandboxRow, request: ControlRequest): Promise<SandboxRow> {
    const { control, now } = this.#deps;
    if (normalizeCapabilities(sandbox.capabilities).browser.mode === 'none')
      throw new ApiError('BROWSER_NOT_ENABLED');
    if (request.mode !== 'ai' && !humanInLoop(sandbox)) throw new ApiError('HUMAN_IN_LOOP_DISABLED');
    const at = now();
    const ended = await this.#changeHandoff(sandbox, request, at);
    if (ended) return ended;
    const cause = request.actor.kind === 'api' ? 'request' : 'viewer';
    const changed = await control.change(
      sandbox.id,
      (present) => stepControl(present, request, at),
      cause,
      at,
    );
    if (!changed) throw new ApiError('SANDBOX_NOT_READY');
    const { step, row } = changed;
    if (!step.ok) throw heldError(step.heldBy);
    return row;
  }

  /** What it means for the open request for a person. @returns the sandbox where that ended the request, and with it control. */
  async #changeHandoff(
    { id, paired_with }: SandboxRow,
    request: ControlRequest,
    at: number,
  ): Promise<SandboxRow | undefined> {
    const { handoffs, store } = this.#deps;
    const changed = await handoffs.change(
      paired_with ?? id,
      (state, sandbox) =>
        takesWork(sandbox.status) ? handoffByControl(state, controlOf(sandbox), request, at) : [],
      { now: at },
    );
    return changed && !isOpen(changed.row) && request.mode === 'ai' ? store.find(id) : undefined;
  }
}

/** @throws {ApiError} CONTROL_HELD_BY_HUMAN while a person has control, unless the call is made for that person. */
export function requireAutomation(row: SandboxRow, now: number, controller?: string): void {
  const control = controlAt(controlOf(row), now);
  if (control.mode !== 'human') return;
  if (controller !== undefined && controller === control.controller) return;
  const who = control.controller ?? 'A person';
  throw new ApiError('CONTROL_HELD_BY_HUMAN', `${who} controls the browser; automation waits.`, {
    details: { controller: control.controller, leaseUntil: control.leaseUntil },
  });
}

/** Control as replies show it. */
export function controlView({ mode, controller, leaseUntil }: Control): {
  controlMode: Control['mode'];
  controller: string | null;
  leaseUntil: number | null;
} {
  return { controlMode: mode, controller, leaseUntil };
}

/** Whether people may take control of the sandbox's browser. */
export function humanInLoop(row: SandboxRow): boolean {
  return normalizeCapabilities(row.capabilities).browser.humanInLoop;
}

function heldError({ mode, controller, leaseUntil }: Control): ApiError {
  const until = leaseUntil === null ? '' : ` until ${new Date(leaseUntil).toISOString()}`;
  return new ApiError('CONTROL_HELD', `${controller ?? 'Someone'} controls the browser${until}.`, {
    details: { controlMode: mode, controller, leaseUntil },
  });
}

import { stepControl, type Control, type ControlRequest } from '../control/control.ts';
import { settle, step, type HandoffState } from './handoff.ts';

/** Name of who takes control by a link for anybody, and gives none. */
const NAMELESS = 'Viewer';

/**
 * What a change of control means for the open request: to take control accepts it, to give control back completes it,
 * and to take the browser from a person who has not come withdraws it. So neither is ever without the other.
 * @returns the states the request goes through; none where the change does not concern it.
 */
export function handoffByControl(
  state: HandoffState,
  present: Control,
  request: ControlRequest,
  now: number,
): HandoffState[] {
  const settled = settle(state, now);
  const current = settled.at(-1) ?? state;
  if (current.status === 'pending') return [...settled, ...pendingByControl(current, present, request, now)];
  if (current.status !== 'accepted' || request.mode !== 'ai') return settled;
  if (!stepControl(present, request, now).ok) return settled;
  return [...settled, ...step(current, { kind: 'complete', person: null, note: null }, now)];
}

function pendingByControl(
  state: HandoffState,
  present: Control,
  request: ControlRequest,
  now: number,
): HandoffState[] {
  const { mode, actor, leaseMs } = request;
  if (mode === 'human') {
    const controller = personOf(request);
    if (controller === null) return [];
    return step(state, { kind: 'accept', controller, holder: null, leaseMs: leaseMs ?? undefined }, now);
  }
  if (mode !== 'ai' || actor.kind === 'link' || !stepControl(present, request, now).ok) return [];
  return step(state, { kind: 'cancel', note: 'Control of the browser was given to automation.' }, now);
}

/** An API call that names nobody takes control for nobody. */
function personOf({ actor, controller }: ControlRequest): string | null {
  return actor.kind === 'api' ? controller : (actor.controller ?? controller ?? NAMELESS);
}

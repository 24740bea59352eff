import { DEFAULT_LEASE_MS } from '@banata/protocol';

export type ControlMode = 'ai' | 'human' | 'shared';

/** Who may drive a browser. */
export interface Control {
  mode: ControlMode;
  controller: string | null;
  /** Key of the viewer that took control by its link; null where an API call gave it. */
  holder: string | null;
  /** Epoch ms; null: nobody has control for itself. */
  leaseUntil: number | null;
}

/** A viewer as its link and its tab name it. */
export interface ViewerIdentity {
  /** The person the link was made for; null for links that are good for whoever has them. */
  controller: string | null;
  /** What its tab calls itself. */
  viewer: string;
}

/** Who asks for a change. */
export type ControlActor = { kind: 'api'; force: boolean } | ({ kind: 'link' } & ViewerIdentity);

export interface ControlRequest {
  mode: ControlMode;
  controller: string | null;
  leaseMs: number | null;
  actor: ControlActor;
}

/** What one step leads to: the next state, or who stands in the way. */
export type ControlStep = { ok: true; next: Control } | { ok: false; heldBy: Control };

export const NO_CONTROL: Control = { mode: 'ai', controller: null, holder: null, leaseUntil: null };

/** The modes one step can lead to, with what each does to controller and lease; the only place that says so. */
const enter: Record<ControlMode, (request: ControlRequest, now: number) => Control> = {
  ai: () => NO_CONTROL,
  human: (request, now) => ({
    ...takenBy(request),
    mode: 'human',
    // Automation waits meanwhile, so this always ends by itself.
    leaseUntil: now + (request.leaseMs ?? DEFAULT_LEASE_MS),
  }),
  shared: (request, now) => ({
    ...takenBy(request),
    mode: 'shared',
    leaseUntil: request.leaseMs === null ? null : now + request.leaseMs,
  }),
};

/** The state at a moment: a lease that is over has fallen back to automation. */
export function controlAt(control: Control, now: number): Control {
  return control.leaseUntil !== null && control.leaseUntil <= now ? NO_CONTROL : control;
}

/** Whether what a viewer types may reach the browser. */
export function maySteer(control: Control, viewer: ViewerIdentity, now: number): boolean {
  const { mode, controller, holder, leaseUntil } = controlAt(control, now);
  if (mode === 'ai') return false;
  if (mode === 'shared' && leaseUntil === null) return true;
  if (holder !== null) return holder === holderKey(viewer);
  return controller === null || viewer.controller === null || viewer.controller === controller;
}

/** Decides a request for control. Pure: two requests at once are put in order by the lock on the row. */
export function stepControl(present: Control, request: ControlRequest, now: number): ControlStep {
  const current = controlAt(present, now);
  if (isHeld(current) && !mayChange(current, request, now)) return { ok: false, heldBy: current };
  const renews = isHeld(current) && request.controller === null && request.mode !== 'ai';
  const asked = renews ? { ...request, controller: current.controller } : request;
  return { ok: true, next: enter[request.mode](asked, now) };
}

/** Whether nothing that a viewer or a box would have to know is different. */
export function sameControl(a: Control, b: Control): boolean {
  return (
    a.mode === b.mode &&
    a.controller === b.controller &&
    a.holder === b.holder &&
    a.leaseUntil === b.leaseUntil
  );
}

function isHeld({ mode, leaseUntil }: Control): boolean {
  return mode !== 'ai' && leaseUntil !== null;
}

function mayChange(current: Control, { mode, controller, actor }: ControlRequest, now: number): boolean {
  if (actor.kind === 'link') return maySteer(current, actor, now);
  // The sandbox's owner takes control back without having to know who has it.
  if (actor.force || (mode === 'ai' && controller === null)) return true;
  return controller !== null && controller === current.controller;
}

function takenBy({ controller, actor }: ControlRequest): Pick<Control, 'controller' | 'holder'> {
  if (actor.kind === 'api') return { controller, holder: null };
  return { controller: actor.controller ?? controller ?? 'Viewer', holder: holderKey(actor) };
}

/** A link that was made for one person is that person in every tab; others are told apart by their tab. */
function holderKey({ controller, viewer }: ViewerIdentity): string {
  return controller === null ? `tab:${viewer}` : `person:${controller}`;
}

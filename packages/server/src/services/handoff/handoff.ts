import { ApiError, DEFAULT_HANDOFF_LEASE_MS, type HandoffStatus } from '@banata/protocol';

/** What changes of a request for a person. Times are epoch ms. */
export interface HandoffState {
  status: HandoffStatus;
  /** One more each time a person left without an end. */
  round: number;
  controller: string | null;
  /** Name of the tab that accepted by the request's link; null where an API call did. */
  holder: string | null;
  leaseUntil: number | null;
  expiresAt: number;
  acceptedAt: number | null;
  completedAt: number | null;
  note: string | null;
  /** When the person filled the form. */
  filledAt: number | null;
}

/** Who acts: a person by the name they accepted under, or a tab that holds the link. */
export type HandoffPerson = { controller: string } | { holder: string };

export type HandoffAct =
  | { kind: 'accept'; controller: string; holder: string | null; leaseMs: number | undefined }
  | { kind: 'renew'; person: HandoffPerson; leaseMs: number | undefined }
  /** `filled`: what the form asks for is in the box. */
  | { kind: 'complete'; person: HandoffPerson | null; note: string | null; filled?: true }
  /** The one who accepted cannot do it. */
  | { kind: 'give_up'; person: HandoffPerson; note: string | null }
  | { kind: 'cancel'; note: string | null }
  | { kind: 'time' };

const after: Record<HandoffStatus, readonly HandoffStatus[]> = {
  pending: ['accepted', 'cancelled', 'expired'],
  // Back to pending when the person leaves without an end.
  accepted: ['pending', 'completed', 'cancelled', 'expired'],
  completed: [],
  cancelled: [],
  expired: [],
};

/** States from which a request can go on. */
export const OPEN_HANDOFF: readonly HandoffStatus[] = ['pending', 'accepted'];

/** Whether a request can still change: a sandbox has one such at a time. */
export function isOpen({ status }: Pick<HandoffState, 'status'>): boolean {
  return after[status].length > 0;
}

/** Whether the table of transitions allows the step. */
export function mayFollow(from: HandoffStatus, to: HandoffStatus): boolean {
  return after[from].includes(to);
}

/** What time alone has done to a request: every state it went through since, none when nothing changed. */
export function settle(state: HandoffState, now: number): HandoffState[] {
  if (!isOpen(state)) return [];
  const left = state.status === 'accepted' && state.leaseUntil !== null && state.leaseUntil <= now;
  // A person at work is not cut short by the deadline for finding one.
  const expires = state.expiresAt <= now && (state.status === 'pending' || left);
  if (expires) return [move(state, 'expired', { leaseUntil: null })];
  if (!left) return [];
  const nobody = { controller: null, holder: null, leaseUntil: null, acceptedAt: null };
  return [move(state, 'pending', { ...nobody, round: state.round + 1 })];
}

/**
 * Decides one act, after what time has done. Pure: the lock on the sandbox's row puts acts in order.
 * @returns the states the request went through, the last one in force; a renewal keeps the status.
 * @throws {ApiError} HANDOFF_NOT_FOUND, HANDOFF_TAKEN, HANDOFF_NOT_ACCEPTED.
 */
export function step(before: HandoffState, act: HandoffAct, now: number): HandoffState[] {
  const settled = settle(before, now);
  const state = settled.at(-1) ?? before;
  if (act.kind === 'time') return settled;
  if (!isOpen(state)) throw new ApiError('HANDOFF_NOT_FOUND', `The request is ${state.status}.`);
  return [...settled, decide(state, act, now)];
}

function decide(state: HandoffState, act: Exclude<HandoffAct, { kind: 'time' }>, now: number): HandoffState {
  switch (act.kind) {
    case 'accept': {
      if (state.status !== 'pending') throw taken(state);
      const { controller, holder, leaseMs } = act;
      const leaseUntil = now + (leaseMs ?? DEFAULT_HANDOFF_LEASE_MS);
      return move(state, 'accepted', { controller, holder, leaseUntil, acceptedAt: now });
    }
    case 'renew': {
      requirePerson(state, act.person);
      const leaseUntil = now + (act.leaseMs ?? DEFAULT_HANDOFF_LEASE_MS);
      return { ...state, leaseUntil: Math.max(leaseUntil, state.leaseUntil ?? 0) };
    }
    case 'complete':
      requirePerson(state, act.person);
      return move(state, 'completed', {
        leaseUntil: null,
        completedAt: now,
        note: act.note,
        filledAt: act.filled ? now : state.filledAt,
      });
    case 'give_up':
      requirePerson(state, act.person);
      return move(state, 'cancelled', { leaseUntil: null, note: act.note });
    case 'cancel':
      return move(state, 'cancelled', { leaseUntil: null, note: act.note });
  }
}

function requirePerson(state: HandoffState, person: HandoffPerson | null): void {
  if (state.status !== 'accepted') throw new ApiError('HANDOFF_NOT_ACCEPTED');
  if (person === null) return;
  const same = 'holder' in person ? person.holder === state.holder : person.controller === state.controller;
  if (!same) throw taken(state);
}

function taken({ controller, leaseUntil }: HandoffState): ApiError {
  const until = leaseUntil === null ? '' : ` until ${new Date(leaseUntil).toISOString()}`;
  return new ApiError('HANDOFF_TAKEN', `${controller ?? 'Somebody'} has accepted the request${until}.`, {
    details: { controller, leaseUntil },
  });
}

function move(state: HandoffState, to: HandoffStatus, set: Partial<HandoffState>): HandoffState {
  if (!mayFollow(state.status, to)) throw new Error(`a handoff that is ${state.status} cannot be ${to}`);
  return { ...state, ...set, status: to };
}

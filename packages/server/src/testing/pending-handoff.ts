import type { HandoffState } from '../services/handoff/handoff.ts';

/** A request as it is at first, at the time 0. */
export const PENDING_HANDOFF: HandoffState = {
  status: 'pending',
  round: 1,
  controller: null,
  holder: null,
  leaseUntil: null,
  expiresAt: 1000,
  acceptedAt: null,
  completedAt: null,
  note: null,
  filledAt: null,
};

import type { Handoff } from '@banata/protocol';
import type { HandoffRow } from '../../database/tables/agent.ts';

/** A request as the API and its events show it. */
export function toHandoff(row: HandoffRow): Handoff {
  const optional = {
    controller: row.controller,
    resumePrompt: row.resume_prompt,
    fields: row.fields,
    deliver: row.deliver,
    filledAt: row.filled_at,
    detected: row.detected,
    note: row.note,
    taskId: row.task_id,
    followUpTaskId: row.follow_up_task_id,
    acceptedAt: row.accepted_at,
    leaseUntil: row.lease_until,
    completedAt: row.completed_at,
  };
  const present = Object.entries(optional).filter(([, value]) => value !== null);
  return {
    requestId: row.id,
    status: row.status,
    reason: row.reason,
    message: row.message,
    requestedBy: row.requested_by,
    round: row.round,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    updatedAt: row.updated_at,
    ...(Object.fromEntries(present) as Partial<Handoff>),
  };
}

import { createHash } from 'node:crypto';
import type { HandoffRow } from '../../database/schema.ts';

/** Id of the task with which the agent goes on: the same whenever it is asked for, so that there is one. */
export function followUpTaskId(handoffId: string): string {
  return createHash('sha256').update(`handoff-follow-up:${handoffId}`).digest('hex').slice(0, 32);
}

/** Why the agent is told: it asked, or the request kept it from the browser. */
type Cause = 'asked' | 'held_back';

const outcomes = {
  asked: {
    completed: 'The person you asked for is done and has given control back.',
    cancelled: 'The request for a person was withdrawn: what you asked for was not done.',
    expired: 'Nobody came in time: what you asked for was not done.',
  },
  held_back: {
    completed: 'A person had the browser, is done and has given control back.',
    cancelled: 'A person was waited for, and is not any more: the browser can be used again.',
    expired: 'A person was waited for and did not come: the browser can be used again.',
  },
} as const;

/** What the agent is told when a request has ended. */
export function followUpPrompt(
  row: HandoffRow,
  end: 'completed' | 'cancelled' | 'expired',
  cause: Cause,
): string {
  const parts: string[] = [outcomes[cause][end]];
  parts.push(cause === 'asked' ? `You had asked: ${row.message}` : `They were asked: ${row.message}`);
  if (row.note) parts.push(`${row.controller ?? 'Their'}${row.controller ? ' says' : ' note'}: ${row.note}`);
  if (end === 'completed') {
    parts.push(
      'The browser is as the person left it: look at the page before you act.',
      row.resume_prompt ?? 'Go on with your task.',
    );
  } else if (cause === 'asked')
    parts.push('Go on as far as you can without it, and say in your result what is missing.');
  else parts.push('Go on with your task.');
  return parts.join('\n\n');
}

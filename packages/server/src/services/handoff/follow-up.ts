import { createHash } from 'node:crypto';
import type { HandoffRow } from '../../database/tables/agent.ts';

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
  parts.push(`${whoAsked(row, cause)}: ${row.message}`);
  if (row.note) parts.push(`${row.controller ?? 'Their'}${row.controller ? ' says' : ' note'}: ${row.note}`);
  if (end === 'completed') {
    parts.push(
      // What was entered is for the task that asked.
      ...(cause === 'asked' ? aboutForm(row) : []),
      'The browser is as the person left it: look at the page before you act.',
      row.resume_prompt ?? 'Go on with your task.',
    );
  } else if (cause === 'asked')
    parts.push('Go on as far as you can without it, and say in your result what is missing.');
  else parts.push('Go on with your task.');
  return parts.join('\n\n');
}

function whoAsked({ requested_by: by }: HandoffRow, cause: Cause): string {
  if (cause === 'held_back') return 'They were asked';
  return by === 'worker' ? 'The sandbox had asked for them' : 'You had asked';
}

function aboutForm({ fields, deliver, filled_at: filledAt }: HandoffRow): string[] {
  if (fields === null) return [];
  if (filledAt === null) return ['The form was not filled in.'];
  const labels = fields.map(({ label }) => `"${label}"`).join(', ');
  if (deliver === 'type') return [`What they entered for ${labels} was typed into the page.`];
  const list = fields.map(({ name, label }) => `- {{secret:${name}}} stands for "${label}"`);
  return [
    [
      'They filled in the form. You do not get the values but placeholders:',
      ...list,
      'Type a placeholder, exactly as it stands here, with browser_type or browser_fill_form (without "slowly"): the value takes its place in the page. It works nowhere else, and until this task ends.',
    ].join('\n'),
  ];
}

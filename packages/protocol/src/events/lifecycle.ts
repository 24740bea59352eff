import { z } from 'zod';
import { defineEvent } from './define-event.ts';

const empty = z.object({});
const reason = z.object({ reason: z.string() });

/** Life of a sandbox. */
export const lifecycleEvents = {
  'sandbox.created': defineEvent({ schema: empty, gloss: 'The sandbox was asked for.', example: {} }),
  'sandbox.assigned': defineEvent({
    schema: z.object({ region: z.string() }),
    gloss: 'A place was found and the sandbox is being started there.',
    example: { region: 'iad' },
  }),
  'sandbox.ready': defineEvent({
    schema: z.object({ startupMs: z.number() }),
    gloss: 'The sandbox takes commands and file operations.',
    example: { startupMs: 142 },
  }),
  'sandbox.active': defineEvent({ schema: empty, gloss: 'Work has begun in it.', example: {} }),
  'sandbox.idle': defineEvent({ schema: empty, gloss: 'No work is going on any more.', example: {} }),
  'sandbox.pausing': defineEvent({
    schema: empty,
    gloss: 'Its programs are being stopped.',
    example: {},
  }),
  'sandbox.paused': defineEvent({
    schema: empty,
    gloss: 'Its programs stand still; after a while its memory is freed, too.',
    example: {},
  }),
  'sandbox.resumed': defineEvent({
    schema: z.object({ startupMs: z.number(), programsKept: z.boolean() }),
    gloss: 'It takes work again; its programs went on, or its files alone were kept.',
    example: { startupMs: 310, programsKept: true },
  }),
  'sandbox.ending': defineEvent({
    schema: reason,
    gloss: 'Its end was asked for or its time is up.',
    example: { reason: 'Ended by request.' },
  }),
  'sandbox.ended': defineEvent({
    schema: reason,
    gloss: 'It is gone; its artifacts stay.',
    example: { reason: 'Ended by request.' },
  }),
  'sandbox.failed': defineEvent({
    schema: reason,
    gloss: 'It could not start, or broke.',
    example: { reason: 'The sandbox stopped by itself.' },
  }),
  'sandbox.timeout.near': defineEvent({
    schema: z.object({ endsAt: z.number(), cause: z.enum(['max_duration', 'idle']) }),
    gloss: 'It ends soon unless its deadline is renewed.',
    example: { endsAt: 1_775_044_860_000, cause: 'idle' },
  }),
  'sandbox.timeout.renewed': defineEvent({
    schema: z.object({ expiresAt: z.number() }),
    gloss: 'Its deadline was moved.',
    example: { expiresAt: 1_775_048_400_000 },
  }),
};

/** Browser sessions; those that belong to a sandbox too. */
export const browserSessionEvents = {
  'session.created': defineEvent({
    schema: z.object({ sessionId: z.string() }),
    gloss: 'A browser session was asked for.',
    example: { sessionId: 'j57f40gk2nm535kdj49n8e051s81wt6y' },
  }),
  'session.assigned': defineEvent({
    schema: z.object({ sessionId: z.string() }),
    gloss: 'A place was found for the browser session.',
    example: { sessionId: 'j57f40gk2nm535kdj49n8e051s81wt6y' },
  }),
  'session.ready': defineEvent({
    schema: z.object({ sessionId: z.string() }),
    gloss: 'The browser runs and its CDP address can be connected to.',
    example: { sessionId: 'j57f40gk2nm535kdj49n8e051s81wt6y' },
  }),
  'session.ending': defineEvent({
    schema: z.object({ sessionId: z.string(), reason: z.string() }),
    gloss: 'The end of the browser session has begun.',
    example: { sessionId: 'j57f40gk2nm535kdj49n8e051s81wt6y', reason: 'Ended by request.' },
  }),
  'session.ended': defineEvent({
    schema: z.object({ sessionId: z.string(), reason: z.string() }),
    gloss: 'The browser session is gone.',
    example: { sessionId: 'j57f40gk2nm535kdj49n8e051s81wt6y', reason: 'Ended by request.' },
  }),
  'session.failed': defineEvent({
    schema: z.object({ sessionId: z.string(), reason: z.string() }),
    gloss: 'The browser session could not start, or broke.',
    example: { sessionId: 'j57f40gk2nm535kdj49n8e051s81wt6y', reason: 'The browser stopped by itself.' },
  }),
};

const machine = z.object({ machineId: z.string(), region: z.string() });
const machineExample = { machineId: 'a1b2c3', region: 'iad' };

/** Machines that sandboxes run on; for the operator’s organization. */
export const machineEvents = {
  'machine.ready': defineEvent({
    schema: machine,
    gloss: 'A machine takes sandboxes.',
    example: machineExample,
    reserved: true,
  }),
  'machine.draining': defineEvent({
    schema: machine,
    gloss: 'A machine takes no new sandboxes and waits for the end of those it has.',
    example: machineExample,
    reserved: true,
  }),
  'machine.suspended': defineEvent({
    schema: machine,
    gloss: 'A machine was switched off for want of work.',
    example: machineExample,
    reserved: true,
  }),
  'machine.lost': defineEvent({
    schema: machine.extend({ reason: z.string() }),
    gloss: 'A machine does not answer any more.',
    example: { ...machineExample, reason: 'No sign of life for 60 s.' },
    reserved: true,
  }),
};

import { z } from 'zod';
import { controlModeSchema } from '../schemas/sandbox.ts';
import { defineEvent } from './define-event.ts';

const handoff = z.object({
  requestId: z.string(),
  status: z.enum(['pending', 'accepted', 'completed', 'cancelled', 'expired']),
  reason: z.enum(['mfa', 'captcha', 'approval', 'login_failed', 'ambiguous_ui', 'file_download', 'custom']),
  message: z.string(),
  requestedBy: z.enum(['agent', 'opencode', 'worker', 'sdk', 'dashboard']),
  controller: z.string().optional(),
  note: z.string().optional(),
  requestedAt: z.number(),
  acceptedAt: z.number().optional(),
  completedAt: z.number().optional(),
  expiresAt: z.number().optional(),
});
const pendingHandoff: z.input<typeof handoff> = {
  requestId: '9h2j4k6m8n1p3q5r7s9t2v4w6x8y1z3a',
  status: 'pending',
  reason: 'mfa',
  message: 'Please enter the code from your phone.',
  requestedBy: 'agent',
  requestedAt: 1_775_044_810_000,
  expiresAt: 1_775_045_110_000,
};
const acceptedHandoff = {
  ...pendingHandoff,
  status: 'accepted' as const,
  controller: 'dashboard-user',
  acceptedAt: 1_775_044_815_000,
};

/** The browser of a sandbox and who controls it. */
export const browserEvents = {
  'sandbox.browser.ready': defineEvent({
    schema: z.object({}),
    gloss: 'The browser runs and can be watched and driven.',
    example: {},
  }),
  'sandbox.browser.failed': defineEvent({
    schema: z.object({ reason: z.string() }),
    gloss: 'The browser could not be started, or broke.',
    example: { reason: 'Chromium ended three times in a row.' },
  }),
  'sandbox.control.changed': defineEvent({
    schema: z.object({
      mode: controlModeSchema,
      controller: z.string().nullable(),
      leaseUntil: z.number().nullable(),
    }),
    gloss: 'Someone else controls the browser now.',
    example: { mode: 'human', controller: 'dashboard-user', leaseUntil: 1_775_045_110_000 },
    reserved: true,
  }),
  'sandbox.handoff.requested': defineEvent({
    schema: handoff,
    gloss: 'A person is asked to take over.',
    example: pendingHandoff,
    reserved: true,
  }),
  'sandbox.handoff.accepted': defineEvent({
    schema: handoff,
    gloss: 'A person has taken over.',
    example: acceptedHandoff,
    reserved: true,
  }),
  'sandbox.handoff.completed': defineEvent({
    schema: handoff,
    gloss: 'The person is done.',
    example: { ...acceptedHandoff, status: 'completed', note: 'Signed in.', completedAt: 1_775_044_860_000 },
    reserved: true,
  }),
  'sandbox.handoff.cancelled': defineEvent({
    schema: handoff,
    gloss: 'The request for a person was withdrawn.',
    example: { ...pendingHandoff, status: 'cancelled' },
    reserved: true,
  }),
  'sandbox.handoff.expired': defineEvent({
    schema: handoff,
    gloss: 'Nobody came in time.',
    example: { ...pendingHandoff, status: 'expired' },
    reserved: true,
  }),
  'sandbox.recording.started': defineEvent({
    schema: z.object({ recordingId: z.string() }),
    gloss: 'The browser is being recorded.',
    example: { recordingId: '2b4d6f8h1k3m5p7r9t2v4x6z8a1c3e5g' },
    reserved: true,
  }),
  'sandbox.recording.stopped': defineEvent({
    schema: z.object({
      recordingId: z.string(),
      durationMs: z.number(),
      artifactKey: z.string().nullable(),
    }),
    gloss: 'The recording ended; `artifactKey` is null when it could not be kept.',
    example: {
      recordingId: '2b4d6f8h1k3m5p7r9t2v4x6z8a1c3e5g',
      durationMs: 48_000,
      artifactKey: 'customer-a/job-42/recording.mp4',
    },
    reserved: true,
  }),
};

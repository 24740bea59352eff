import { z } from 'zod';
import { handoffSchema as handoff } from '../schemas/handoff.ts';
import { controlModeSchema } from '../schemas/sandbox.ts';
import { defineEvent } from './define-event.ts';

const pendingHandoff: z.input<typeof handoff> = {
  requestId: '9h2j4k6m8n1p3q5r7s9t2v4w6x8y1z3a',
  status: 'pending',
  reason: 'mfa',
  message: 'Please enter the code from your phone.',
  requestedBy: 'agent',
  round: 1,
  requestedAt: 1_775_044_810_000,
  expiresAt: 1_775_045_110_000,
  updatedAt: 1_775_044_810_000,
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
      cause: z.enum(['request', 'viewer', 'lease_ended', 'handoff']),
    }),
    gloss:
      'Control of the browser changed hands or its lease was renewed: by an API call (`request`), on the viewer page (`viewer`), by a request for a person (`handoff`), or since the lease ended.',
    example: { mode: 'human', controller: 'dashboard-user', leaseUntil: 1_775_045_110_000, cause: 'request' },
  }),
  'sandbox.control.refused': defineEvent({
    schema: z.object({ client: z.enum(['cdp', 'agent', 'computer']), what: z.string() }),
    gloss:
      'Automation was refused since a person has control; at most one in five seconds per kind of client. `what` is the CDP method or the act.',
    example: { client: 'cdp', what: 'Page.navigate' },
  }),
  'sandbox.browser.restarting': defineEvent({
    schema: z.object({ reason: z.string() }),
    gloss: 'Chromium or its desktop ended and is started again; sandbox.browser.ready follows.',
    example: { reason: 'Chromium ended: SIGSEGV' },
  }),
  'sandbox.browser.download': defineEvent({
    schema: z.object({
      state: z.enum(['completed', 'canceled']),
      url: z.string(),
      fileName: z.string(),
      path: z.string().nullable(),
      bytes: z.number(),
    }),
    gloss: 'A download of the browser has ended; `path` is null when nothing was kept.',
    example: {
      state: 'completed',
      url: 'https://example.com/report.pdf',
      fileName: 'report.pdf',
      path: '/workspace/downloads/report.pdf',
      bytes: 70_000,
    },
  }),
  'sandbox.preview.revoked': defineEvent({
    schema: z.object({}),
    gloss: 'Every link to the browser that was given out before is void.',
    example: {},
  }),
  'sandbox.handoff.requested': defineEvent({
    schema: handoff,
    gloss:
      'A person is asked to take over; again, with the next `round`, when one left without an end. Webhooks get a `viewerUrl` beside these fields, signed as they are sent: the page for this one request.',
    example: pendingHandoff,
  }),
  'sandbox.handoff.accepted': defineEvent({
    schema: handoff,
    gloss: 'A person has taken over.',
    example: acceptedHandoff,
  }),
  'sandbox.handoff.completed': defineEvent({
    schema: handoff,
    gloss: 'The person is done; control has returned.',
    example: { ...acceptedHandoff, status: 'completed', note: 'Signed in.', completedAt: 1_775_044_860_000 },
  }),
  'sandbox.handoff.cancelled': defineEvent({
    schema: handoff,
    gloss: 'The request for a person was withdrawn, or the person could not do it; `note` says why.',
    example: { ...pendingHandoff, status: 'cancelled' },
  }),
  'sandbox.handoff.expired': defineEvent({
    schema: handoff,
    gloss: 'Nobody came in time.',
    example: { ...pendingHandoff, status: 'expired' },
  }),
  'sandbox.recording.started': defineEvent({
    schema: z.object({ recordingId: z.string() }),
    gloss: 'The browser is being recorded.',
    example: { recordingId: '2b4d6f8h1k3m5p7r9t2v4x6z8a1c3e5g' },
  }),
  'sandbox.recording.stopped': defineEvent({
    schema: z.object({
      recordingId: z.string(),
      durationMs: z.number(),
      artifactKey: z.string().nullable(),
      /** Why it ended by itself, or could not be kept. */
      reason: z.string().nullable(),
    }),
    gloss: 'The recording ended; `artifactKey` is null when it could not be kept.',
    example: {
      recordingId: '2b4d6f8h1k3m5p7r9t2v4x6z8a1c3e5g',
      durationMs: 48_000,
      artifactKey: 'customer-a/job-42/recordings/2b4d6f8h1k3m5p7r9t2v4x6z8a1c3e5g.mp4',
      reason: null,
    },
  }),
  'sandbox.profile.saved': defineEvent({
    schema: z.object({ profileKey: z.string(), size: z.number() }),
    gloss: 'The browser profile was saved for later sandboxes.',
    example: { profileKey: 'default', size: 1_480_321 },
  }),
  'sandbox.profile.failed': defineEvent({
    schema: z.object({ profileKey: z.string(), reason: z.string() }),
    gloss: 'The browser profile could not be saved; the one saved before stays.',
    example: { profileKey: 'default', reason: 'The sandbox did not answer' },
  }),
};

import { z } from 'zod';
import { viewportSchema } from '../box/config.ts';
import { idSchema } from '../ids.ts';
import { profileKeySchema } from './profiles.ts';
import { proxySchema } from './proxy.ts';
import { recordingOptionsSchema } from './recording.ts';
import { MAX_DURATION_MS, sandboxStatusSchema } from './sandbox.ts';
import { pageOf } from './page.ts';

/** A session lives as a sandbox does. */
export const browserStatusSchema = sandboxStatusSchema;

const weightSchema = z.enum(['light', 'medium', 'heavy']);
export type BrowserWeight = z.infer<typeof weightSchema>;

const isolationSchema = z.enum(['shared', 'dedicated']);
const egressProfileSchema = z.enum([
  'shared-dc',
  'dedicated-dc',
  'rotating-residential',
  'static-residential',
  'byo-proxy',
]);
export type EgressProfile = z.infer<typeof egressProfileSchema>;

export const createBrowserSchema = z.strictObject({
  weight: weightSchema
    .optional()
    .describe(
      'Memory for pages (256, 512 or 1,024 MiB) and how many there may be (3, 5 or 10). Default "light".',
    ),
  isolation: isolationSchema
    .optional()
    .describe('Every session has a box of its own here, whichever is asked for. Default "shared".'),
  egressProfile: egressProfileSchema
    .optional()
    .describe('How the browser reaches the internet. Default "byo-proxy" with `proxy`, else "shared-dc".'),
  stealth: z.boolean().optional().describe('Hide that the browser is automated. Default false.'),
  recording: z
    .union([z.boolean(), recordingOptionsSchema])
    .optional()
    .describe('Record the browser as MP4 from the start; with options or true. Default false.'),
  har: z
    .boolean()
    .optional()
    .describe(
      'Keep what the pages asked the network for as a HAR file, without bodies, cookies and credentials. Default false.',
    ),
  screenshots: z
    .boolean()
    .optional()
    .describe('Keep the pictures that are taken through the API, and one of the last page. Default false.'),
  captcha: z.boolean().optional().describe('Solve CAPTCHAs automatically. Default false.'),
  maxDurationMs: z
    .number()
    .int()
    .positive()
    .max(MAX_DURATION_MS)
    .optional()
    .describe(
      'Life of the session in ms. Default: the longest the plan allows; without such a limit one hour.',
    ),
  proxy: proxySchema.optional().describe('Only with the egress profile "byo-proxy".'),
  profileKey: profileKeySchema
    .optional()
    .describe('Browser profile to begin with, and to save at the end. Default: an empty one, not saved.'),
  region: z
    .string()
    .regex(/^[a-z]{3}$/, 'must be three lowercase letters')
    .optional()
    .describe('Preference only. A server on one machine answers its own region.'),
  viewport: viewportSchema.partial().optional().describe('Pixels. Default 1280 × 800.'),
  humanInLoop: z.boolean().optional().describe('A person may take over the browser. Default false.'),
});
export type CreateBrowser = z.infer<typeof createBrowserSchema>;

const sessionArtifactSchema = z.object({
  key: z.string(),
  contentType: z.string(),
  size: z.number().describe('Bytes.'),
  createdAt: z.number().describe('Epoch ms.'),
  url: z.string().describe('Download, without a key; good for 15 minutes.'),
});
export type SessionArtifact = z.infer<typeof sessionArtifactSchema>;

export const browserSessionSchema = z
  .object({
    id: idSchema,
    status: browserStatusSchema.describe(
      '"active" from the first CDP client on. Only a browser that belongs to a sandbox is paused, with it.',
    ),
    cdpUrl: z
      .string()
      .nullable()
      .describe(
        'WebSocket URL for Playwright connectOverCDP or puppeteer.connect, once ready; holds a token.',
      ),
    previewUrl: z.string().nullable().describe('Standalone viewer page, once ready; holds a token.'),
    weight: weightSchema,
    isolation: isolationSchema,
    egressProfile: egressProfileSchema,
    region: z.string(),
    pairedWith: z.string().nullable().describe('Sandbox that the browser belongs to and ends with.'),
    artifacts: z.object({
      screenshots: z.array(sessionArtifactSchema).describe('Oldest first.'),
      har: sessionArtifactSchema.nullable(),
      recording: sessionArtifactSchema.nullable().describe('The newest.'),
    }),
    duration: z.number().nullable().describe('How long it ran in ms, once it has ended.'),
    createdAt: z.number(),
    readyAt: z.number().nullable(),
    endedAt: z.number().nullable(),
    expiresAt: z.number().describe('When the session is ended at the latest.'),
    endReason: z.string().nullable().describe('Why it ended or failed.'),
  })
  .meta({ id: 'BrowserSession' });
export type BrowserSession = z.infer<typeof browserSessionSchema>;

export const browserListSchema = pageOf(browserSessionSchema);

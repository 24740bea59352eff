import { z } from 'zod';
import { viewportSchema } from '../box/config.ts';
import { idSchema } from '../ids.ts';
import { handoffSchema } from './handoff.ts';
import { controlModeSchema, sandboxStatusSchema } from './sandbox.ts';
import { viewerNonceSchema } from './viewer-nonce.ts';

/** Longest lease of control that can be asked for at once, ms: 24 hours. */
const MAX_LEASE_MS = 24 * 60 * 60 * 1000;
/** Lease of `human` when none is named, ms. */
export const DEFAULT_LEASE_MS = 5 * 60 * 1000;

const controllerSchema = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .describe('Who controls, in words of your own, such as an e-mail address.');
const leaseSchema = z.number().int().min(1000).max(MAX_LEASE_MS);

const controlState = {
  controlMode: controlModeSchema.describe(
    'ai: automation drives and people watch. human: one person drives, automation is refused. shared: both drive.',
  ),
  controller: z.string().nullable(),
  leaseUntil: z
    .number()
    .nullable()
    .describe('Epoch ms at which control falls back to ai; null when nobody has exclusive control.'),
};

/** URLs of one preview connection; each holds a token and is good until `expiresAt`. */
const connectionSchema = z.object({
  rawUrl: z.string().describe('The live view; what buildPreviewViewerUrl takes.'),
  token: z.string().describe('The token of the live view.'),
  sessionId: z.string().describe('Sandbox or browser session whose browser it is.'),
  wsUrl: z.string().describe('RFB (VNC) over WebSocket, as noVNC speaks it.'),
  startUrl: z.string().describe('POST {}: wait until the browser is ready.'),
  navigateUrl: z.string().describe('POST { url }.'),
  resizeUrl: z.string().describe('POST { width?, height? }.'),
  expiresAt: z.number(),
});

const liveView = z.string().nullable();

export const previewSchema = z.object({
  status: z.enum(['starting', 'ready', 'failed']),
  reason: z.string().nullable(),
  ...controlState,
  humanInLoop: z.boolean().describe('Whether a person may take control.'),
  handoff: handoffSchema.nullable().describe('The request for a person that is under way.'),
  viewport: viewportSchema,
  url: z.string().nullable(),
  title: z.string().nullable(),
  wsUrl: liveView.describe(
    'RFB (VNC) over WebSocket, as noVNC speaks it. Null when the live view is switched off.',
  ),
  viewerUrl: liveView.describe('Standalone viewer page; with humanInLoop its holder may take control.'),
  viewOnlyWsUrl: liveView.describe('As wsUrl, for watching only.'),
  viewOnlyUrl: liveView.describe('As viewerUrl, for watching only.'),
  cdpUrl: z.string().describe('WebSocket URL for connectOverCDP and puppeteer.connect.'),
  cdpHttpUrl: z.string().describe('The same as an HTTP URL, which answers /json/version and /json/list.'),
  connection: connectionSchema.nullable(),
  expiresAt: z.number().describe('When the links stop working; links are void at once after a revoke.'),
  updatedAt: z.number(),
});

export const previewQuerySchema = z.strictObject({
  id: idSchema,
  controller: controllerSchema
    .optional()
    .describe('The links act for this person, and drive only while control is theirs.'),
});

export const previewStartSchema = z.strictObject({ id: idSchema });
const navigateFields = {
  url: z.url({ protocol: /^https?$/, error: 'an http or https URL' }),
};
const resizeFields = viewportSchema.partial().shape;
const onBehalf = {
  controller: controllerSchema
    .optional()
    .describe('Acts for the person who has control; without it the call is refused in mode human.'),
};
export const previewNavigateSchema = z.strictObject({ id: idSchema, ...navigateFields, ...onBehalf });
export const previewResizeSchema = z.strictObject({ id: idSchema, ...resizeFields, ...onBehalf });
export const linkNavigateSchema = z.strictObject(navigateFields);
export const linkResizeSchema = z.strictObject(resizeFields);
export const previewCommandReplySchema = z.object({
  ok: z.literal(true),
  url: z.string().nullable(),
  title: z.string().nullable(),
  viewport: viewportSchema,
});

export const previewControlSchema = z.strictObject({
  id: idSchema,
  mode: controlModeSchema,
  controller: controllerSchema.optional(),
  leaseMs: leaseSchema
    .optional()
    .describe(
      `How long the controller has control for itself. Default ${DEFAULT_LEASE_MS} for human; none for shared, which then lasts until it is changed.`,
    ),
  force: z.boolean().optional().describe('Takes control from whoever has it. Default false.'),
});

export const previewControlReplySchema = z.object({
  ok: z.literal(true),
  ...controlState,
  applied: z
    .boolean()
    .describe('Whether the browser already holds to it. False: it is told again every second until it does.'),
  viewerUrl: liveView.describe('Viewer page for the controller.'),
  wsUrl: liveView,
  expiresAt: z.number(),
});

export const previewRevokeReplySchema = z.object({ ok: z.literal(true) });

export const linkControlSchema = z.strictObject({
  mode: controlModeSchema,
  viewer: viewerNonceSchema,
  controller: controllerSchema.optional().describe('Name to show; links made for one person have theirs.'),
  leaseMs: leaseSchema.max(60 * 60 * 1000).optional(),
});

export const linkControlReplySchema = z.object({
  ok: z.literal(true),
  ...controlState,
  inControl: z.boolean(),
});

export const previewViewSchema = z.object({
  sandboxStatus: sandboxStatusSchema,
  status: z.enum(['starting', 'ready', 'failed', 'ended']),
  ...controlState,
  mayControl: z.boolean().describe('Whether this link may take control.'),
  inControl: z.boolean().describe('Whether what this viewer types reaches the browser.'),
  handoff: handoffSchema.nullable(),
  url: z.string().nullable(),
  title: z.string().nullable(),
  viewport: viewportSchema,
  now: z.number().describe('Clock of the server, epoch ms.'),
});

export const previewFilesSchema = z.strictObject({
  id: idSchema,
  paths: z
    .array(z.string().startsWith('/workspace/', 'a path under /workspace').max(4096))
    .min(1)
    .max(100)
    .describe('Files of the workspace.'),
  selector: z
    .string()
    .max(2000)
    .optional()
    .describe('CSS selector of the file input. Without: the next file chooser that the page opens.'),
  timeoutMs: z.number().int().min(1).max(120_000).optional().describe('Default 30,000.'),
});
export const previewFilesReplySchema = z.object({ ok: z.literal(true), files: z.number().int() });

import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  linkControlReplySchema,
  linkControlSchema,
  linkNavigateSchema,
  linkResizeSchema,
  previewCommandReplySchema,
  previewControlReplySchema,
  previewControlSchema,
  previewFilesReplySchema,
  previewFilesSchema,
  previewNavigateSchema,
  previewQuerySchema,
  previewResizeSchema,
  previewRevokeReplySchema,
  previewSchema,
  previewStartSchema,
  previewViewSchema,
} from '../schemas/browser.ts';
import { viewerNonceSchema } from '../schemas/viewer-nonce.ts';
import type { ErrorCode } from '../errors.ts';

const tag = 'Browser';
const errors = [
  'SANDBOX_NOT_FOUND',
  'SANDBOX_NOT_READY',
  'BROWSER_NOT_ENABLED',
  'BROWSER_NOT_READY',
  'SANDBOX_UNREACHABLE',
] satisfies ErrorCode[];

export const getPreview = defineRoute({
  id: 'sandboxes.preview.get',
  method: 'GET',
  path: '/v1/sandboxes/browser-preview',
  tag,
  summary: 'State of the browser with signed URLs for viewing and driving it',
  // Its links let their holder drive the browser, which is more than reading.
  auth: 'sandbox_sessions:exec',
  query: previewQuerySchema,
  reply: { kind: 'json', status: 200, schema: previewSchema },
  errors,
});

export const viewPreview = defineRoute({
  id: 'sandboxes.preview.view',
  method: 'GET',
  path: '/v1/sandboxes/browser-preview/view',
  tag,
  summary: 'What the standalone viewer page shows beside the picture',
  auth: 'link',
  query: z.strictObject({ token: z.string(), viewer: viewerNonceSchema.optional() }),
  reply: { kind: 'json', status: 200, schema: previewViewSchema },
  errors: ['SANDBOX_NOT_FOUND'],
});

export const controlPreview = defineRoute({
  id: 'sandboxes.preview.control',
  method: 'POST',
  path: '/v1/sandboxes/browser-preview/control',
  tag,
  summary: 'Decide who controls the browser',
  description:
    'Whoever has a running lease keeps control: others get CONTROL_HELD, with who and until when. The one in control renews or changes it by naming itself as controller; mode ai without a controller and force: true are the way of the sandbox’s owner to take control back.',
  auth: 'sandbox_sessions:exec',
  audit: ['mode', 'controller', 'leaseMs', 'force'],
  body: previewControlSchema,
  reply: { kind: 'json', status: 200, schema: previewControlReplySchema },
  errors: [...errors, 'CONTROL_HELD', 'HUMAN_IN_LOOP_DISABLED'],
});

export const controlByLink = defineRoute({
  id: 'sandboxes.preview.controlByLink',
  method: 'POST',
  path: '/v1/sandboxes/browser-preview/view/control',
  tag,
  summary: 'Take, renew or give back control as the holder of a viewer link',
  auth: 'link',
  query: z.strictObject({ token: z.string() }),
  body: linkControlSchema,
  reply: { kind: 'json', status: 200, schema: linkControlReplySchema },
  errors: [
    'SANDBOX_NOT_FOUND',
    'SANDBOX_NOT_READY',
    'CONTROL_HELD',
    'HUMAN_IN_LOOP_DISABLED',
    'VIEW_ONLY_LINK',
  ],
});

export const revokePreview = defineRoute({
  id: 'sandboxes.preview.revoke',
  method: 'POST',
  path: '/v1/sandboxes/browser-preview/revoke',
  tag,
  summary: 'Make every link to the browser void: viewer pages, live views and CDP connections end',
  auth: 'sandbox_sessions:exec',
  body: previewStartSchema,
  reply: { kind: 'json', status: 200, schema: previewRevokeReplySchema },
  errors: ['SANDBOX_NOT_FOUND', 'SANDBOX_NOT_READY', 'BROWSER_NOT_ENABLED'],
});

export const filesPreview = defineRoute({
  id: 'sandboxes.preview.files',
  method: 'POST',
  path: '/v1/sandboxes/browser-preview/files',
  tag,
  summary: 'Give files of the workspace to a file input of the page',
  auth: 'sandbox_sessions:exec',
  body: previewFilesSchema,
  reply: { kind: 'json', status: 200, schema: previewFilesReplySchema },
  errors: [...errors, 'CONTROL_HELD_BY_HUMAN', 'FILE_CHOOSER_NOT_OPEN', 'FILE_NOT_FOUND', 'NOT_SUPPORTED'],
});

export const startPreview = defineRoute({
  id: 'sandboxes.preview.start',
  method: 'POST',
  path: '/v1/sandboxes/browser-preview/start',
  tag,
  summary: 'Wait until the browser can be viewed and driven',
  auth: 'sandbox_sessions:exec',
  body: previewStartSchema,
  reply: { kind: 'json', status: 200, schema: previewCommandReplySchema },
  errors,
});

export const navigatePreview = defineRoute({
  id: 'sandboxes.preview.navigate',
  method: 'POST',
  path: '/v1/sandboxes/browser-preview/navigate',
  tag,
  summary: 'Open a URL in the browser',
  auth: 'sandbox_sessions:exec',
  body: previewNavigateSchema,
  reply: { kind: 'json', status: 200, schema: previewCommandReplySchema },
  errors: [...errors, 'NAVIGATION_FAILED', 'CONTROL_HELD_BY_HUMAN'],
});

export const resizePreview = defineRoute({
  id: 'sandboxes.preview.resize',
  method: 'POST',
  path: '/v1/sandboxes/browser-preview/resize',
  tag,
  summary: 'Resize the desktop and the browser window',
  auth: 'sandbox_sessions:exec',
  body: previewResizeSchema,
  reply: { kind: 'json', status: 200, schema: previewCommandReplySchema },
  errors: [...errors, 'CONTROL_HELD_BY_HUMAN'],
});

export const screenshotPreview = defineRoute({
  id: 'sandboxes.preview.screenshot',
  method: 'GET',
  path: '/v1/sandboxes/browser-preview/screenshot',
  tag,
  summary: 'Picture of the page in front',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema, format: z.enum(['png', 'jpeg']).default('png') }),
  reply: { kind: 'bytes', description: 'The picture', contentType: 'image/png' },
  errors,
});

const tokenQuery = z.looseObject({ token: z.string() });
const linkPath = '/v1/sandboxes/browser-preview/link';
const linkErrors = [...errors, 'CONTROL_HELD_BY_HUMAN'] satisfies ErrorCode[];

export const startByLink = defineRoute({
  id: 'sandboxes.preview.startByLink',
  method: 'POST',
  path: `${linkPath}/start`,
  tag,
  summary: 'As start, for the holder of a preview connection',
  auth: 'link',
  query: tokenQuery,
  reply: { kind: 'json', status: 200, schema: previewCommandReplySchema },
  errors: linkErrors,
});

export const navigateByLink = defineRoute({
  id: 'sandboxes.preview.navigateByLink',
  method: 'POST',
  path: `${linkPath}/navigate`,
  tag,
  summary: 'As navigate, for the holder of a preview connection',
  auth: 'link',
  query: tokenQuery,
  body: linkNavigateSchema,
  reply: { kind: 'json', status: 200, schema: previewCommandReplySchema },
  errors: [...linkErrors, 'NAVIGATION_FAILED'],
});

export const resizeByLink = defineRoute({
  id: 'sandboxes.preview.resizeByLink',
  method: 'POST',
  path: `${linkPath}/resize`,
  tag,
  summary: 'As resize, for the holder of a preview connection',
  auth: 'link',
  query: tokenQuery,
  body: linkResizeSchema,
  reply: { kind: 'json', status: 200, schema: previewCommandReplySchema },
  errors: linkErrors,
});

export const cdpVersion = defineRoute({
  id: 'gateway.cdp.version',
  method: 'GET',
  path: '/v1/sandboxes/cdp/json/version',
  // Playwright asks with a slash at the end.
  aliases: ['/v1/sandboxes/cdp/json/version/'],
  tag,
  summary: 'The browser as Chromium’s own debugging port describes it',
  auth: 'link',
  query: tokenQuery,
  reply: { kind: 'json', status: 200, schema: z.looseObject({ webSocketDebuggerUrl: z.string() }) },
  errors,
});

export const cdpList = defineRoute({
  id: 'gateway.cdp.list',
  method: 'GET',
  path: '/v1/sandboxes/cdp/json/list',
  aliases: ['/v1/sandboxes/cdp/json/list/', '/v1/sandboxes/cdp/json'],
  tag,
  summary: 'The open pages, each with a WebSocket URL that speaks to it alone',
  auth: 'link',
  query: tokenQuery,
  reply: {
    kind: 'json',
    status: 200,
    schema: z.array(z.looseObject({ id: z.string(), webSocketDebuggerUrl: z.string() })),
  },
  errors,
});

export const cdpSocket = defineRoute({
  id: 'gateway.cdp',
  method: 'GET',
  path: '/v1/sandboxes/cdp',
  tag,
  summary: 'Chrome DevTools Protocol over WebSocket; the URL comes from the session or the preview',
  description: 'Playwright connectOverCDP and puppeteer.connect work against it.',
  auth: 'link',
  query: tokenQuery,
  reply: { kind: 'websocket', description: 'CDP messages' },
  errors: ['LINK_INVALID', 'SANDBOX_NOT_READY'],
});

export const vncSocket = defineRoute({
  id: 'gateway.vnc',
  method: 'GET',
  path: '/v1/sandboxes/vnc',
  tag,
  summary: 'The desktop as RFB over WebSocket, as noVNC speaks it',
  auth: 'link',
  query: tokenQuery,
  reply: { kind: 'websocket', description: 'RFB bytes in binary messages' },
  errors: ['LINK_INVALID', 'SANDBOX_NOT_READY'],
});

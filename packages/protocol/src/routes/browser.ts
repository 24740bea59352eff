import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  previewCommandReplySchema,
  previewNavigateSchema,
  previewResizeSchema,
  previewSchema,
  previewStartSchema,
  previewViewSchema,
} from '../schemas/browser.ts';
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
  query: z.strictObject({ id: idSchema }),
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
  query: z.strictObject({ token: z.string() }),
  reply: { kind: 'json', status: 200, schema: previewViewSchema },
  errors: ['SANDBOX_NOT_FOUND'],
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
  errors: [...errors, 'NAVIGATION_FAILED'],
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
  errors,
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

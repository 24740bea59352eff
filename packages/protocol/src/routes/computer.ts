import { z } from 'zod';
import type { ErrorCode } from '../errors.ts';
import { idSchema } from '../ids.ts';
import { defineRoute } from '../route.ts';
import {
  computerClickSchema,
  computerDragSchema,
  computerKeySchema,
  computerMoveSchema,
  computerReplySchema,
  computerScrollSchema,
  computerTypeSchema,
} from '../schemas/computer.ts';

const tag = 'Computer use';
const path = '/v1/sandboxes/computer';
const errors = [
  'SANDBOX_NOT_FOUND',
  'SANDBOX_NOT_READY',
  'BROWSER_NOT_ENABLED',
  'BROWSER_NOT_READY',
  'CONTROL_HELD_BY_HUMAN',
  'SANDBOX_UNREACHABLE',
] satisfies ErrorCode[];

/** What all acts have in common. */
const act = {
  method: 'POST',
  tag,
  auth: 'sandbox_sessions:exec',
  rateLimit: 'sandboxes.exec',
  reply: { kind: 'json', status: 200, schema: computerReplySchema },
  errors,
} as const;

export const computerMove = defineRoute({
  ...act,
  id: 'sandboxes.computer.move',
  path: `${path}/move`,
  summary: 'Move the mouse on the desktop',
  body: computerMoveSchema,
});

export const computerClick = defineRoute({
  ...act,
  id: 'sandboxes.computer.click',
  path: `${path}/click`,
  summary: 'Click, double click or triple click, where the mouse is or at a point',
  body: computerClickSchema,
});

export const computerDrag = defineRoute({
  ...act,
  id: 'sandboxes.computer.drag',
  path: `${path}/drag`,
  summary: 'Press a mouse button, move along a path, release it',
  body: computerDragSchema,
});

export const computerScroll = defineRoute({
  ...act,
  id: 'sandboxes.computer.scroll',
  path: `${path}/scroll`,
  summary: 'Turn the mouse wheel',
  body: computerScrollSchema,
});

export const computerType = defineRoute({
  ...act,
  id: 'sandboxes.computer.type',
  path: `${path}/type`,
  summary: 'Type text into what has the focus',
  body: computerTypeSchema,
});

export const computerKey = defineRoute({
  ...act,
  id: 'sandboxes.computer.key',
  path: `${path}/key`,
  summary: 'Press keys together, such as ctrl+a',
  description:
    'Characters stand for themselves; names are those of KeyboardEvent.key (Enter, Escape, ArrowLeft, F5, …) and ctrl, shift, alt, meta.',
  body: computerKeySchema,
});

export const computerScreenshot = defineRoute({
  id: 'sandboxes.computer.screenshot',
  method: 'GET',
  path: `${path}/screenshot`,
  tag,
  summary: 'Picture of the whole desktop with the mouse pointer',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema, format: z.enum(['png', 'jpeg']).default('png') }),
  reply: { kind: 'bytes', description: 'The picture', contentType: 'image/png' },
  errors,
});

export const computerCursor = defineRoute({
  id: 'sandboxes.computer.cursor',
  method: 'GET',
  path: `${path}/cursor`,
  tag,
  summary: 'Where the mouse is',
  auth: 'sandbox_sessions:read',
  query: z.strictObject({ id: idSchema }),
  reply: { kind: 'json', status: 200, schema: computerReplySchema },
  errors,
});

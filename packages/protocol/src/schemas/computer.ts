import { z } from 'zod';
import { boxCursorSchema, computerActions } from '../box/computer.ts';
import { idSchema } from '../ids.ts';

const id = { id: idSchema };

export const computerMoveSchema = z.strictObject({ ...id, ...computerActions.move.shape });
export const computerClickSchema = z.strictObject({ ...id, ...computerActions.click.shape });
export const computerDragSchema = z.strictObject({ ...id, ...computerActions.drag.shape });
export const computerScrollSchema = z.strictObject({ ...id, ...computerActions.scroll.shape });
export const computerTypeSchema = z.strictObject({ ...id, ...computerActions.type.shape });
export const computerKeySchema = z.strictObject({ ...id, ...computerActions.key.shape });

export const computerReplySchema = z.object({
  ok: z.literal(true),
  cursor: boxCursorSchema.describe('Where the mouse is, pixels of the desktop.'),
});
